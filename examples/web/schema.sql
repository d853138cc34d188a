-- Running it again changes nothing.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS products (name text PRIMARY KEY, price integer NOT NULL);
INSERT INTO products VALUES ('anchor', 120), ('crane', 98000), ('tower', 450000)
ON CONFLICT (name) DO NOTHING;
