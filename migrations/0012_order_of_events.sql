-- The one order of all events: what a stream over all runs of an owner goes on from. Numbers within a run (`events.seq`) have no order among
-- runs, and times may go backwards. The one writer appends in the order of its commits, so whoever has read up to a number has missed nothing.
-- An append to the end of one tree costs a report next to nothing; an index by run would cost it as much as the event itself, so only the
-- ends of a run are in one.
CREATE TABLE event_order (
    place  INTEGER PRIMARY KEY AUTOINCREMENT,       -- never used again, so that a deleted run hides no later event from a reader
    owner  TEXT    NOT NULL,                        -- a reader passes over others' events without looking at their runs
    run_id TEXT    NOT NULL,                        -- no foreign key, which would want the index; the triggers below keep it right
    seq    INTEGER NOT NULL,                        -- with run_id the key of the event
    is_end INTEGER NOT NULL                         -- 1: the first event of its run, or the last of one that is over
) STRICT;

CREATE INDEX event_order_ends ON event_order (run_id) WHERE is_end = 1; -- between its ends lies everything of a run, for when it is deleted

-- Events from before this table, in the order of their times.
INSERT INTO event_order (owner, run_id, seq, is_end)
SELECT r.owner, e.run_id, e.seq, e.seq = 1 OR e.kind = 'done' FROM events e JOIN runs r ON r.id = e.run_id ORDER BY e.ts_ms, e.run_id, e.seq;

-- In the statement of the event itself, so there is no event without a place and no second round to the database.
CREATE TRIGGER events_take_a_place AFTER INSERT ON events BEGIN
    INSERT INTO event_order (owner, run_id, seq, is_end)
    SELECT owner, new.run_id, new.seq, new.seq = 1 OR new.kind = 'done' FROM runs WHERE id = new.run_id;
END;

CREATE TRIGGER runs_give_up_their_places AFTER DELETE ON runs BEGIN
    DELETE FROM event_order WHERE run_id = old.id
        AND place >= (SELECT MIN(place) FROM event_order WHERE run_id = old.id AND is_end = 1)
        AND place <= (SELECT MAX(place) FROM event_order WHERE run_id = old.id AND is_end = 1);
END;
