"""Systems with sagas, for tests: one that pays through somebody else, one with a service of each kind."""

from datakeel.requirements import Domain, Field, Requirements, Saga, Service, Step, Table

CHECKOUT = Requirements(
    name="checkout",
    summary="Coordinate a payment and inventory reservation across two services",
    domain=Domain(
        sagas=(
            Saga(
                name="purchase",
                timeout=60.0,
                steps=(
                    Step(name="reserve inventory", service="inventory", compensation="release inventory", timeout=2.0),
                    Step(name="authorise payment", service="payments", compensation="void payment", timeout=2.0),
                    Step(name="capture payment", service="payments", timeout=2.0),
                    Step(name="confirm inventory", service="inventory", timeout=2.0),
                ),
            ),
        ),
        services=(
            Service(
                name="inventory",
                holds=(
                    Table(
                        name="stock",
                        fields=(
                            Field(name="sku", unique=True),
                            Field(name="available", type="integer", minimum=0),
                        ),
                    ),
                ),
            ),
            Service(name="payments", through="payment provider"),
            Service(name="payment provider", external=True),
        ),
    ),
)

TRIPS = Requirements(
    name="Trip booking",
    summary="Book a flight, a hotel and a car, or none of them",
    domain=Domain(
        sagas=(
            Saga(
                name="trip",
                timeout=120.0,
                steps=(
                    Step(name="book flight", service="flights", compensation="cancel flight"),
                    Step(name="book hotel", service="hotels", compensation="cancel hotel", timeout=3.0, retries=4),
                    Step(name="book car", service="cars"),
                ),
            ),
        ),
        services=(
            Service(
                name="flights",
                holds=(
                    Table(
                        name="flights",
                        fields=(
                            Field(name="flight", unique=True),
                            Field(name="seats", type="integer", minimum=0),
                        ),
                    ),
                ),
            ),
            Service(name="hotels", through="hotel chain"),
            Service(
                name="cars",
                holds=(
                    Table(
                        name="rentals",
                        fields=(
                            Field(name="category"),
                            Field(name="days", type="integer"),
                            Field(name="pick up", type="timestamp"),
                        ),
                    ),
                ),
            ),
        ),
    ),
)
