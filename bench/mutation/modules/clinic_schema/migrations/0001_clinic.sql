CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE patients (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insurance_number text NOT NULL UNIQUE,
    name text NOT NULL
);

CREATE TABLE rooms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE appointments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES patients (id),
    room_id bigint NOT NULL REFERENCES rooms (id),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    fee numeric(8, 2) NOT NULL,
    CHECK (starts_at < ends_at),
    EXCLUDE USING gist (room_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
);

CREATE INDEX appointments_by_patient ON appointments (patient_id, starts_at);
CREATE INDEX appointments_by_room ON appointments (room_id, starts_at);

CREATE TABLE appointment_tags (
    appointment_id bigint NOT NULL REFERENCES appointments (id) ON DELETE CASCADE,
    tag text NOT NULL,
    PRIMARY KEY (appointment_id, tag)
);
