-- +goose Up
ALTER TABLE tenants
    ADD COLUMN rabbitmq_password text,
    ADD COLUMN rabbitmq_username text,
    ADD COLUMN rabbitmq_vhost text;

-- +goose Down
ALTER TABLE tenants DROP COLUMN rabbitmq_password, DROP COLUMN rabbitmq_username, DROP COLUMN rabbitmq_vhost;
