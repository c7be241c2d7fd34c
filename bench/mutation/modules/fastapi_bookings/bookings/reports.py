import requests


def render_pdf(doctors):
    response = requests.post("http://renderer.internal/pdf", json={"doctors": doctors}, timeout=20)
    response.raise_for_status()
    return response.content
