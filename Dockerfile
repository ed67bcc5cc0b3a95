# Shipway as one image: small, no root, works with a read-only root file system.
#   docker build -t shipway .
#   docker run --read-only --tmpfs /tmp -p 8080:8080 -v shipway:/data -v ./shipway.yml:/etc/shipway/shipway.yml:ro shipway
# Another base, such as one of your own registry: --build-arg BASE=… (Python 3.11–3.13 with pip). It needs git and, for
# ssh:// hosts, an ssh client; where it has them already: --build-arg PACKAGES=. Smaller without what you do not use: --build-arg EXTRAS=valkey
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG EXTRAS="aliyun,aws,gitlab,notices,postgres,valkey"
COPY . /src
RUN python3 -m venv --without-pip /opt/shipway \
 && pip --python /opt/shipway/bin/python install --no-cache-dir "/src[$EXTRAS]"

FROM ${BASE}
ARG PACKAGES="git openssh-client"
RUN if [ -n "$PACKAGES" ]; then \
      apt-get update && apt-get install -y --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*; \
    fi \
 && echo "shipway:x:10001:10001::/data:/usr/sbin/nologin" >>/etc/passwd \
 && mkdir -p /data /etc/shipway && chown 10001:10001 /data
COPY --from=build /opt/shipway /opt/shipway
# SAFEPATH: a folder that happens to be the current one is no place to import code from
ENV PATH=/opt/shipway/bin:$PATH PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 HOME=/data \
    SHIPWAY_CONFIG=/etc/shipway/shipway.yml SHIPWAY_HEALTH_PORT=8080
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['SHIPWAY_HEALTH_PORT']), timeout=2); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["shipway"]
CMD ["up"]
