# One image for all three processes: release, web and worker. Built from a clean checkout:
#   docker build -t duka .
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
# A user of its own, who owns nothing but var/.
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin duka
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
RUN mkdir -p var && chown duka:duka var
USER duka
VOLUME /app/var
EXPOSE 8000
# SIGTERM ends web and worker gracefully within 30 s: give `docker stop` at least --time 35.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/livez', timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
