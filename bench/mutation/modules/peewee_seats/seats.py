import os

from peewee import BigAutoField, BigIntegerField, CharField, DecimalField, ForeignKeyField, IntegrityError, Model
from playhouse.pool import PooledPostgresqlDatabase

db = PooledPostgresqlDatabase(os.environ["DB_NAME"], max_connections=16, stale_timeout=300, timeout=5, connect_timeout=5)


class Base(Model):
    class Meta:
        database = db


class Show(Base):
    id = BigAutoField()
    title = CharField()
    left = BigIntegerField()
    price = DecimalField(max_digits=8, decimal_places=2)


class Seat(Base):
    id = BigAutoField()
    show = ForeignKeyField(Show, backref="seats")
    number = CharField()
    holder = CharField(null=True)
    state = CharField(default="free")

    class Meta:
        indexes = ((("show", "number"), True),)


class Booking(Base):
    id = BigAutoField()
    seat = ForeignKeyField(Seat, unique=True)
    holder = CharField()


class SeatTaken(Exception):
    pass


def book(seat_id, holder):
    try:
        with db.atomic():
            seat = Seat.select().where(Seat.id == seat_id).for_update().get()
            if seat.state != "free":
                raise SeatTaken(seat_id)
            seat.state = "taken"
            seat.holder = holder
            seat.save(only=[Seat.state, Seat.holder])
            Booking.create(seat=seat, holder=holder)
            Show.update(left=Show.left - 1).where(Show.id == seat.show_id).execute()
    except IntegrityError:
        raise SeatTaken(seat_id) from None


def free(seat_id, holder):
    """False where the seat is not this holder's."""
    with db.atomic():
        freed = (
            Seat.update(state="free", holder=None)
            .where(Seat.id == seat_id, Seat.state == "taken", Seat.holder == holder)
            .execute()
        )
        if freed:
            Booking.delete().where(Booking.seat == seat_id).execute()
            show = Seat.select(Seat.show).where(Seat.id == seat_id)
            Show.update(left=Show.left + 1).where(Show.id.in_(show)).execute()
    return bool(freed)


def open_show(title, price, numbers):
    with db.atomic():
        show = Show.create(title=title, price=price, left=len(numbers))
        Seat.insert_many([{"show": show, "number": number} for number in numbers]).execute()
    return show.id


def plan(show_id):
    seats = Seat.select(Seat, Show).join(Show).where(Seat.show == show_id).order_by(Seat.number).limit(5000)
    return [{"show": seat.show.title, "number": seat.number, "state": seat.state} for seat in seats]
