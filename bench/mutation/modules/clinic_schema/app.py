from flask import Flask, abort, jsonify, request

import clinic

app = Flask(__name__)


@app.post("/patients")
def register():
    wanted = request.get_json()
    return jsonify(id=clinic.register(wanted["insurance_number"], wanted["name"])), 201


@app.post("/appointments")
def book():
    wanted = request.get_json()
    try:
        booked = clinic.book(
            wanted["patient"], wanted["room"], wanted["from"], wanted["to"], wanted["fee"], wanted["tags"][:20]
        )
    except clinic.RoomTaken:
        abort(409)
    return jsonify(id=booked), 201


@app.get("/patients/<int:patient_id>/appointments")
def upcoming(patient_id):
    return jsonify(clinic.upcoming(patient_id, request.args["after"]))


@app.get("/patients/<int:patient_id>/tags")
def tagged(patient_id):
    return jsonify(clinic.tagged(patient_id))
