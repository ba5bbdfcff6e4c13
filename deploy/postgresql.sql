-- PostgreSQL 15 or newer, once as its superuser: sudo -u postgres psql --set=password="'SECRET'" -f postgresql.sql
-- The service creates its tables itself. It needs no other right than those on its own database.
CREATE ROLE grader LOGIN PASSWORD :password CONNECTION LIMIT 200;
CREATE DATABASE grader OWNER grader ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE grader FROM PUBLIC;
-- A commit is on disk before a grade is returned. Do not turn this off for this database.
ALTER DATABASE grader SET synchronous_commit = on;
