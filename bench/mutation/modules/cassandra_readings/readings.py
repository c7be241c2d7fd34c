import os

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy

profile = ExecutionProfile(
    load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy("dc1")),
    consistency_level=ConsistencyLevel.LOCAL_QUORUM,
    request_timeout=5,
)
cluster = Cluster(os.environ["CASSANDRA"].split(","), execution_profiles={EXEC_PROFILE_DEFAULT: profile})
session = cluster.connect("telemetry")

INSERT = session.prepare("INSERT INTO readings (sensor_id, day, taken_at, value) VALUES (?, ?, ?, ?)")
OF_A_DAY = session.prepare("SELECT taken_at, value FROM readings WHERE sensor_id = ? AND day = ? LIMIT 5000")
SENSORS = session.prepare("SELECT sensor_id, label FROM sensors_by_site WHERE site_id = ? LIMIT 1000")
CLAIM = session.prepare("INSERT INTO claims (serial, site_id) VALUES (?, ?) IF NOT EXISTS")


def store(readings):
    rows = [(r.sensor_id, r.taken_at.date(), r.taken_at, r.value) for r in readings]
    execute_concurrent_with_args(session, INSERT, rows, concurrency=50, raise_on_first_error=True)


def of_a_day(sensor_id, day):
    return session.execute(OF_A_DAY, (sensor_id, day)).all()


def sensors(site_id):
    return session.execute(SENSORS, (site_id,)).all()


def claim(serial, site_id):
    """False where another site has it."""
    return session.execute(CLAIM, (serial, site_id)).was_applied
