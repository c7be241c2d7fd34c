"""Where the other systems are."""

import os

DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql+psycopg://shop@localhost/shop")
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost")
KAFKA_SERVERS = os.environ.get("KAFKA_SERVERS", "localhost:9092")
SEARCH_URL = os.environ.get("SEARCH_URL", "http://localhost:9200")
BANK_URL = os.environ.get("BANK_URL", "https://bank.example")
ORDER_EVENTS = "order-events"
