import os
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING, MongoClient, ReturnDocument, UpdateOne, WriteConcern
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

client = MongoClient(os.environ["MONGO_URL"], serverSelectionTimeoutMS=5000, socketTimeoutMS=10000, maxPoolSize=50)
db = client.get_database("cms", write_concern=WriteConcern("majority", wtimeout=5000), read_concern=ReadConcern("majority"))


class Conflict(Exception):
    pass


def prepare():
    db.articles.create_index([("slug", ASCENDING)], unique=True)
    db.articles.create_index([("state", ASCENDING), ("published_at", DESCENDING)])
    db.comments.create_index([("article_id", ASCENDING), ("_id", ASCENDING)])


def create(slug, title):
    try:
        return db.articles.insert_one({"slug": slug, "title": title, "state": "draft", "version": 1}).inserted_id
    except DuplicateKeyError:
        raise Conflict(slug) from None


def edit(article_id, version, title):
    """The new version; Conflict where somebody else was faster."""
    changed = db.articles.find_one_and_update(
        {"_id": article_id, "version": version},
        {"$set": {"title": title}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if changed is None:
        raise Conflict(article_id)
    return changed["version"]


def publish(article_id):
    result = db.articles.update_one(
        {"_id": article_id, "state": "draft"},
        {"$set": {"state": "published", "published_at": datetime.now(UTC)}},
    )
    return result.modified_count == 1


def liked(article_id):
    db.articles.update_one({"_id": article_id}, {"$inc": {"likes": 1}})


def visited(article_id, visitor):
    db.articles.update_one(
        {"_id": article_id},
        {"$push": {"last_visitors": {"$each": [visitor], "$slice": -20}}},
    )


def comment(article_id, comment_id, author, text):
    db.comments.update_one(
        {"_id": comment_id},
        {"$setOnInsert": {"article_id": article_id, "author": author, "text": text}},
        upsert=True,
    )


def front_page():
    return list(db.articles.find({"state": "published"}).sort("published_at", DESCENDING).limit(30))


def import_titles(titles):
    db.articles.bulk_write([UpdateOne({"slug": slug}, {"$set": {"title": title}}) for slug, title in titles.items()])
