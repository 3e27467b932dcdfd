set role almanac;
create table edition (release text);
insert into edition values ('1.0');
