from flask import Flask, abort, jsonify, request

import articles

app = Flask(__name__)


@app.post("/articles")
def create():
    wanted = request.get_json()
    try:
        return jsonify(id=str(articles.create(wanted["slug"], wanted["title"]))), 201
    except articles.Conflict:
        abort(409)


@app.put("/articles/<article_id>")
def edit(article_id):
    wanted = request.get_json()
    try:
        return jsonify(version=articles.edit(article_id, wanted["version"], wanted["title"]))
    except articles.Conflict:
        abort(409)


@app.post("/articles/<article_id>/publish")
def publish(article_id):
    return jsonify(published=articles.publish(article_id))


@app.post("/articles/<article_id>/like")
def like(article_id):
    articles.liked(article_id)
    articles.visited(article_id, request.headers["X-Visitor"])
    return "", 204


@app.put("/articles/<article_id>/comments/<comment_id>")
def comment(article_id, comment_id):
    wanted = request.get_json()
    articles.comment(article_id, comment_id, wanted["author"], wanted["text"])
    return "", 204


@app.get("/")
def front_page():
    return jsonify([{"slug": a["slug"], "title": a["title"]} for a in articles.front_page()])


@app.post("/titles")
def titles():
    articles.import_titles(request.get_json())
    return "", 204
