-- WAL of every index method and type that PostgreSQL's contrib modules bring, and of what crosses segments. Run by psql.
\set ON_ERROR_STOP on
CREATE DATABASE contrib :strategy;
\c contrib
SET wal_compression = on;
CREATE EXTENSION bloom;
CREATE EXTENSION btree_gin;
CREATE EXTENSION btree_gist;
CREATE EXTENSION citext;
CREATE EXTENSION cube;
CREATE EXTENSION earthdistance;
CREATE EXTENSION hstore;
CREATE EXTENSION intarray;
CREATE EXTENSION isn;
CREATE EXTENSION lo;
CREATE EXTENSION ltree;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION seg;
CREATE EXTENSION tablefunc;

CREATE TABLE words (
  n int PRIMARY KEY, t text, c citext, tags hstore, path ltree, a int[], p cube, s seg, f float8, i isbn, during int4range);
INSERT INTO words
SELECT n, md5(n::text), md5(n::text), hstore('k' || n % 10, n::text), ('top.l' || n % 7 || '.m' || n % 50)::ltree, ARRAY[n % 5, n % 11, n],
  cube(ARRAY[n % 13, n % 17, n % 19]::float8[]), (n || ' .. ' || n + 5)::seg, n / 7.0, '0-393-04002-X', int4range(n, n + 1)
FROM generate_series(1, 1500) n;
CREATE INDEX ON words USING bloom (t, n);
CREATE INDEX ON words USING gin (t gin_trgm_ops);
CREATE INDEX ON words USING gist (t gist_trgm_ops);
CREATE INDEX ON words USING gin (tags);
CREATE INDEX ON words USING gist (path);
CREATE INDEX ON words USING gin (a gin__int_ops);
CREATE INDEX ON words USING gist (a gist__intbig_ops);
CREATE INDEX ON words USING gist (p);
CREATE INDEX ON words USING gist (s);
CREATE INDEX ON words USING gist (n, f);
CREATE INDEX ON words USING gin (n, f);
CREATE INDEX ON words USING spgist (t);
CREATE INDEX ON words USING brin (n);
CREATE INDEX ON words USING hash (t);
CREATE INDEX ON words (c);
ALTER TABLE words ADD EXCLUDE USING gist (n WITH =, during WITH &&);
UPDATE words SET t = t || 'x', tags = tags || hstore('z', 'y'), a = a + 7, p = cube_enlarge(p, 1, 3) WHERE n % 5 = 0;
DELETE FROM words WHERE n % 11 = 0;
VACUUM words;
CHECKPOINT;
UPDATE words SET f = f + 1, c = c || '!' WHERE n % 7 = 0;

CREATE TABLE drawn AS SELECT * FROM normal_rand(1000, 10, 3) AS f;
CREATE MATERIALIZED VIEW turned AS
  SELECT * FROM public.crosstab('SELECT n, n % 3, t FROM public.words WHERE n < 60 ORDER BY 1, 2') AS turned (n int, one text, two text, three text);

-- Values and records larger than a segment of 1 MiB: some segments then hold no record's start.
CREATE TABLE large (n int, b bytea);
ALTER TABLE large ALTER b SET STORAGE EXTERNAL;
INSERT INTO large SELECT n, (SELECT string_agg(gen_random_bytes(1024), '') FROM generate_series(1, 512 + n)) FROM generate_series(1, 2) n;
SELECT lo_from_bytea(0, (SELECT string_agg(gen_random_bytes(1024), '') FROM generate_series(1, 100))) IS NOT NULL;
SELECT length(pg_logical_emit_message(true, 'holdfast', repeat('larger than a segment ', 120000))::text) > 0;

-- More sub-transactions than a backend's cache of 64, some rolled back.
CREATE TABLE nested (n int);
DO $$
BEGIN
  FOR n IN 1..150 LOOP
    BEGIN
      INSERT INTO nested VALUES (n);
      IF n % 3 = 0 THEN RAISE EXCEPTION USING ERRCODE = 'HF001'; END IF;
    EXCEPTION WHEN SQLSTATE 'HF001' THEN NULL;
    END;
  END LOOP;
END $$;

BEGIN; INSERT INTO nested VALUES (1001); PREPARE TRANSACTION 'committed';
BEGIN; INSERT INTO nested VALUES (1002); PREPARE TRANSACTION 'rolled back';
BEGIN; INSERT INTO nested VALUES (1003); SAVEPOINT one; INSERT INTO nested VALUES (1004); PREPARE TRANSACTION 'in doubt';
COMMIT PREPARED 'committed';
ROLLBACK PREPARED 'rolled back';
