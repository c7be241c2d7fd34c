from fastapi import FastAPI

import jobs

app = FastAPI()


@app.post("/jobs/{kind}", status_code=202)
def enqueue(kind: str, payload: dict):
    jobs.enqueue(kind, payload)
    return {"kind": kind}


@app.post("/batches/{kind}", status_code=202)
def enqueue_all(kind: str, payloads: list[dict]):
    jobs.enqueue_all(kind, payloads[:1000])
    return {"kind": kind}
