-- What mends a cause is kept with the delivery that is missing, and a person puts the warning of lost requests away.

ALTER TABLE delivery ADD COLUMN remedy TEXT;   -- while it is missing: what mends the cause when a person asks for it, as JSON
ALTER TABLE delivery ADD COLUMN evidence TEXT; -- while it is missing: the file by which a person keeps it out

ALTER TABLE trigger_count ADD COLUMN dismissed INTEGER NOT NULL DEFAULT 0; -- lost requests whose warning a person put away
