import os
from contextlib import contextmanager

from psycopg2 import errors
from psycopg2.extras import execute_values
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, os.environ["DATABASE_URL"], connect_timeout=5)


class RoomTaken(Exception):
    pass


@contextmanager
def transaction():
    connection = pool.getconn()
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        pool.putconn(connection)


def register(insurance_number, name):
    with transaction() as cursor:
        cursor.execute(
            """INSERT INTO patients (insurance_number, name) VALUES (%s, %s)
               ON CONFLICT (insurance_number) DO UPDATE SET name = excluded.name RETURNING id""",
            (insurance_number, name),
        )
        return cursor.fetchone()[0]


def book(patient_id, room_id, starts_at, ends_at, fee, tags):
    try:
        with transaction() as cursor:
            cursor.execute(
                """INSERT INTO appointments (patient_id, room_id, starts_at, ends_at, fee)
                   VALUES (%s, %s, %s, %s, %s) RETURNING id""",
                (patient_id, room_id, starts_at, ends_at, fee),
            )
            appointment_id = cursor.fetchone()[0]
            execute_values(
                cursor,
                "INSERT INTO appointment_tags (appointment_id, tag) VALUES %s",
                [(appointment_id, tag) for tag in tags],
            )
            return appointment_id
    except errors.ExclusionViolation:
        raise RoomTaken(room_id) from None


def upcoming(patient_id, after, limit=50):
    with transaction() as cursor:
        cursor.execute(
            """SELECT id, room_id, starts_at FROM appointments
               WHERE patient_id = %s AND starts_at > %s ORDER BY starts_at LIMIT %s""",
            (patient_id, after, limit),
        )
        return cursor.fetchall()


def tagged(patient_id):
    with transaction() as cursor:
        cursor.execute(
            """SELECT a.id, t.tag FROM appointments a JOIN appointment_tags t ON t.appointment_id = a.id
               WHERE a.patient_id = %s LIMIT 500""",
            (patient_id,),
        )
        return cursor.fetchall()
