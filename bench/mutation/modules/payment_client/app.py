from flask import Flask, abort, jsonify, request

import client

app = Flask(__name__)


@app.post("/payments")
def pay():
    wanted = request.get_json()
    try:
        charged = client.charge(wanted["customer"], int(wanted["cents"]))
    except client.Declined:
        abort(402)
    return jsonify(id=charged, settled=client.wait_until_settled(charged, most=5.0))
