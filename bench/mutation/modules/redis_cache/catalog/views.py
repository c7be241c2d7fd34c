from django.http import JsonResponse
from django.views.decorators.http import require_POST

from catalog import pages


def product(request, slug):
    pages.seen(slug)
    return JsonResponse(pages.page(slug))


@require_POST
def rename(request, slug):
    pages.rename(slug, request.POST["title"])
    return JsonResponse({"slug": slug})
