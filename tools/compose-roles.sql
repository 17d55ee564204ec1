-- The roles that docs/operations/database.md describes, for docker-compose.yml. Safe to run again.
\set ON_ERROR_STOP on
\set owner `cat /run/secrets/postgres-owner-password`
\set service `cat /run/secrets/postgres-service-password`
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['countersign_owner', 'countersign']) AS name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE countersign_owner LOGIN PASSWORD :'owner';
ALTER ROLE countersign LOGIN PASSWORD :'service';
ALTER DATABASE countersign OWNER TO countersign_owner;
REVOKE ALL ON DATABASE countersign FROM PUBLIC;
GRANT CONNECT ON DATABASE countersign TO countersign;
