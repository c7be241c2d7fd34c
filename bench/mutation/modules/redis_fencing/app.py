from flask import Flask, abort, jsonify

import locks
import tariffs

app = Flask(__name__)


@app.post("/tariffs/<region>")
def refresh(region):
    if not tariffs.allowed(region, 10):
        abort(429)
    try:
        return jsonify(seconds=tariffs.timed_refresh(region))
    except locks.Taken:
        abort(409)
