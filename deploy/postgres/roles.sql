-- A schema and a role per service, and the role that answers queries under row-level security.
-- Safe to run again. Needs a role that may create roles, and the password of ours:
--   PGOPTIONS="-c guiche.role_password=..." psql -f roles.sql
DO $$
DECLARE
    service text;
    role text;
    password text := current_setting('guiche.role_password');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('guiche.roles', 0));
    FOREACH service IN ARRAY ARRAY['tickets', 'outbound', 'projections', 'directory', 'projections_reader'] LOOP
        role := 'guiche_' || service;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
        EXECUTE format('ALTER ROLE %I PASSWORD %L', role, password);
        EXECUTE format('ALTER ROLE %I SET search_path = %I', role, replace(service, '_reader', ''));
        EXECUTE format('GRANT %I TO CURRENT_USER', role);
        IF service <> 'projections_reader' THEN
            EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, role);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA projections TO guiche_projections_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE guiche_projections IN SCHEMA projections
    GRANT SELECT ON TABLES TO guiche_projections_reader;
GRANT guiche_projections_reader TO guiche_projections;
