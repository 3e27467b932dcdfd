-- As pg_dump --schema-only writes it.
SET statement_timeout = 0;
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TYPE public.state AS ENUM (
    'open',
    'done'
);
CREATE FUNCTION public.touched() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN NEW.at := now(); RETURN NEW; END; $$;
SET default_tablespace = '';
CREATE TABLE public.jobs (
    id integer NOT NULL,
    name character varying(255) DEFAULT 'a'::character varying NOT NULL,
    state public.state DEFAULT 'open'::public.state,
    at timestamp without time zone,
    data bytea,
    CONSTRAINT named CHECK (((name)::text <> ''::text))
);
ALTER TABLE public.jobs OWNER TO CURRENT_USER;
COMMENT ON TABLE public.jobs IS 'a; b';
CREATE SEQUENCE public.jobs_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.jobs_id_seq OWNED BY public.jobs.id;
CREATE TABLE public.steps (
    job integer,
    n integer NOT NULL,
    text text
);
CREATE TABLE public.notes (id bigint NOT NULL, step integer);
ALTER TABLE public.notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW public.open_jobs AS
 SELECT jobs.id FROM public.jobs WHERE (jobs.state = 'open'::public.state);
ALTER TABLE ONLY public.jobs ALTER COLUMN id SET DEFAULT nextval('public.jobs_id_seq'::regclass);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.steps ADD CONSTRAINT steps_pkey PRIMARY KEY (n, text);
CREATE UNIQUE INDEX jobs_name ON public.jobs USING btree (name);
CREATE TRIGGER touched BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.touched();
ALTER TABLE ONLY public.steps
    ADD CONSTRAINT steps_job_fkey FOREIGN KEY (job) REFERENCES public.jobs(id) ON UPDATE CASCADE ON DELETE CASCADE;
GRANT SELECT ON TABLE public.jobs TO PUBLIC;
