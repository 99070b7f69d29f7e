-- WAL of what moves, rewrites, empties and drops files. Run by psql after contrib.sql, which left a transaction in doubt.
\set ON_ERROR_STOP on
\c contrib
COMMIT PREPARED 'in doubt';
CREATE TABLE frozen (n int PRIMARY KEY);
BEGIN;
TRUNCATE frozen;
COPY frozen FROM PROGRAM 'seq 1 3000' WITH (FREEZE);
COMMIT;
CREATE UNLOGGED TABLE unlogged AS SELECT generate_series(1, 100) AS n;
CREATE SEQUENCE counted;
SELECT count(nextval('counted')) FROM generate_series(1, 100);
TRUNCATE drawn;
INSERT INTO drawn SELECT generate_series(1, 100);
DELETE FROM frozen WHERE n > 1000;
VACUUM (TRUNCATE) frozen;
VACUUM FULL nested;
CLUSTER words USING words_pkey;
REFRESH MATERIALIZED VIEW turned;
CREATE TABLE dropped AS SELECT generate_series(1, 1000) AS n;
DROP TABLE dropped;

-- In place: a copy on the same machine must not share a tablespace's folder with the original.
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE side LOCATION '';
ALTER TABLE nested SET TABLESPACE side;
CREATE TABLE aside TABLESPACE side AS SELECT generate_series(1, 100) AS n;

\c postgres
CREATE DATABASE copied TEMPLATE contrib :copying;
CREATE DATABASE moved TEMPLATE template0 :copying;
ALTER DATABASE moved SET TABLESPACE side;
CREATE DATABASE gone TEMPLATE template0 :copying;
DROP DATABASE gone;

-- Nearly empty segments.
SELECT 'SELECT pg_switch_wal() FROM pg_create_restore_point(''switch'')' FROM generate_series(1, :switches)
\gexec
