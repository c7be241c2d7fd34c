from flask import Flask, abort, jsonify, request

import seats

app = Flask(__name__)


@app.before_request
def connect():
    seats.db.connect(reuse_if_open=True)


@app.teardown_request
def disconnect(problem):
    if not seats.db.is_closed():
        seats.db.close()


@app.put("/seats/<int:seat_id>/holder")
def book(seat_id):
    try:
        seats.book(seat_id, request.get_json()["holder"])
    except seats.SeatTaken:
        abort(409)
    return "", 204


@app.delete("/seats/<int:seat_id>/holder")
def free(seat_id):
    if not seats.free(seat_id, request.args["holder"]):
        abort(409)
    return "", 204


@app.post("/shows")
def open_show():
    wanted = request.get_json()
    return jsonify(id=seats.open_show(wanted["title"], wanted["price"], wanted["seats"])), 201


@app.get("/shows/<int:show_id>/plan")
def plan(show_id):
    return jsonify(seats.plan(show_id))
