"""The console: the service's pages for people, in Chinese and English, rendered on the server.

    door.py       who comes in: a token, or the one-time link of `zhongtai serve`
    page.py       what every page shares: who asks, in which language, under which policy, and how errors look
    words.yml     every word of the pages
    charts.py     what is drawn (pure), for ECharts
    watch.py      what Kafka and the workers say, looked at while somebody looks
    pages/        one file a page
    reference.py  /docs, which explains the API

A page asks the published marts as the role's file shows them, and people's SQL goes the way of `POST /v1/sql`. `install` and
`link` are all that others need to know.
"""

from oneservice.console.installing import install, link

__all__ = ["install", "link"]
