#!/bin/bash
# The deploy script that a careful person writes by hand: host by host, new beside old, health, nginx reload, stop old.
# deploy.sh IMAGE ADDRESS…     0: everywhere; 2: unwell, everything is as before. PATIENCE: seconds to get well
set -u
image=$1; shift
done_hosts=()
on() { docker -H "tcp://$1:2375" "${@:2}"; }
mine() { on "$1" ps -q --filter label=bench=app; }

healthy() {
    local end=$((SECONDS + PATIENCE))
    while [ $SECONDS -lt $end ]; do
        on "$1" exec "$2" wget -q -O /dev/null http://127.0.0.1:8000/healthz 2>/dev/null && return 0
        [ "$(on "$1" inspect -f '{{.State.Running}}' "$2")" = true ] || return 1
        sleep 0.25
    done
    return 1
}

route() {
    { echo "upstream app { zone app 64k; keepalive 16;"
      for id in "${@:2}"; do echo "server $(on "$1" port "$id" 8000 | head -1);"; done
      echo "} server { listen 8090; location / { proxy_pass http://app; } }"; } |
        on "$1" exec -i bench-edge sh -c 'mkdir -p /etc/nginx/bench; cat >/etc/nginx/bench/app.conf && nginx -t -q && nginx -s reload'
    sleep 1
}

start() { # address image
    for _ in 1 2; do on "$1" run -d --init --label bench=app --label "image=$2" -p "$1::8000" "$2"; done
}

replace() { # address image: new beside old; 1 when unwell
    local old new
    on "$1" pull -q "$2" >/dev/null || return 1
    old=$(mine "$1"); new=$(start "$1" "$2")
    for id in $new; do
        healthy "$1" "$id" || { on "$1" rm -f $new >/dev/null; return 1; }
    done
    route "$1" $new
    [ -z "$old" ] || { on "$1" stop -t 10 $old; on "$1" rm $old; } >/dev/null
}

for address in "$@"; do
    old_image=$(on "$address" ps --filter label=bench=app --format '{{.Label "image"}}' | head -1)
    if ! replace "$address" "$image"; then
        echo "unwell on $address: going back" >&2
        for moved in "${done_hosts[@]}"; do replace "$moved" "$old_image"; done
        exit 2
    fi
    done_hosts+=("$address")
done
