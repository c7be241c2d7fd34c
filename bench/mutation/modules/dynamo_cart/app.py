from flask import Flask, abort, jsonify, request

import cart

app = Flask(__name__)


@app.post("/carts/<customer>/<sku>")
def add(customer, sku):
    cart.add(customer, sku, int(request.get_json()["quantity"]))
    return "", 204


@app.put("/carts/<customer>/<sku>")
def replace(customer, sku):
    try:
        cart.replace(customer, sku, int(request.get_json()["quantity"]))
    except cart.Conflict:
        abort(409)
    return "", 204


@app.get("/carts/<customer>")
def lines(customer):
    return jsonify([{"sku": line["sku"], "quantity": int(line["quantity"])} for line in cart.lines(customer)])


@app.delete("/carts/<customer>")
def empty(customer):
    cart.empty(customer, request.args.getlist("sku"))
    return "", 204
