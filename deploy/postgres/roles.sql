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
    FOREACH service IN ARRAY ARRAY['tickets', 'outbound', 'bot', 'projections', 'directory', 'projections_reader'] LOOP
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

-- Read models are rebuilt beside the live ones, each in a schema of its own (design D6).
CREATE OR REPLACE FUNCTION projections.create_model_schema(number integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION guiche_projections', 'rm_v' || number);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO guiche_projections_reader', 'rm_v' || number);
END
$$;
REVOKE ALL ON FUNCTION projections.create_model_schema(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION projections.create_model_schema(integer) TO guiche_projections;
