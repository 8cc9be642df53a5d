"""`/docs`: every address of the API, to be read and tried. Swagger UI, from files of ours: nothing comes from another host."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from oneservice.console.page import HOME, POLICY

pages = APIRouter(include_in_schema=False)

PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>zhongtai OneService</title>
<link rel="icon" href="{HOME}/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{HOME}/static/swagger-ui-5.35.0.css">
<script src="{HOME}/static/swagger-ui-bundle-5.35.0.js" defer></script>
<script src="{HOME}/static/docs.js" defer></script>
</head>
<body>
<main id="swagger-ui"></main>
</body>
</html>
"""


@pages.get("/docs")
def docs() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})
