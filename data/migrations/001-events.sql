-- Events of one day. Every day has a file of its own: no slowdown with age, retention by unlink.
-- application_id tells our files from foreign ones ("mnto").
PRAGMA application_id = 1835955311;

-- Names that repeat in most rows: programs, units, containers, finding ids.
CREATE TABLE word (
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;

-- NULL stands for "not known", so that an unknown value takes no room.
CREATE TABLE event (
	id INTEGER PRIMARY KEY, -- microseconds since 1970, made unique by going up
	lag INTEGER,            -- id minus the event's time, when they differ; never negative
	kind INTEGER NOT NULL,  -- enum event_kind
	protocol INTEGER,       -- IANA protocol number
	address BLOB,           -- 4 or 16 bytes, network order
	port INTEGER,
	netns INTEGER,
	cookie INTEGER,
	pid INTEGER,
	uid INTEGER,
	count INTEGER,
	process INTEGER REFERENCES word (id),
	executable INTEGER REFERENCES word (id),
	unit INTEGER REFERENCES word (id),
	container INTEGER REFERENCES word (id),
	finding INTEGER REFERENCES word (id),
	detail TEXT
) STRICT;

CREATE INDEX event_port ON event (port) WHERE port IS NOT NULL;
CREATE INDEX event_address ON event (address) WHERE address IS NOT NULL;
CREATE INDEX event_lag ON event (lag) WHERE lag IS NOT NULL;
