#!/bin/sh
# Shipway's part on a host. The controller wrote it; it is replaced when the host joins again.
#   host.sh join [TOKEN]    once, by the line of `shipway hosts invite` or by cloud-init
#   host.sh renew [now]     daily, by a timer: new certificates 30 days before the old ones end
#   host.sh guard           with each start of the engine: containers do not reach the cloud's metadata
set -eu
umask 077
LC_ALL=C
export LC_ALL

DOORS='@doors@'                 # the controller, host:port, the first one that answers
METADATA='169.254.169.254 169.254.170.2 100.100.100.200'
PORT=2376
OLDEST=1.40                     # API of Docker 19.03
UNITS=/etc/systemd/system

cd /etc/shipway

say() { echo "shipway: $*"; }
die() { echo "shipway: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
fact() { sed -n "s/^$1=//p" facts; }

# ------------------------------------------------------------------------------------------------ the controller

# call PATH FILE [options of curl]: the answer into FILE and its status into $status; 000 when no door answers
call() {
    path=$1 answer=$2
    shift 2
    for door in $DOORS; do
        status=$(curl -sS -g --proto =https --cacert ca.pem --connect-timeout 10 --max-time 60 \
            -o "$answer" -w '%{http_code}' "$@" "https://$door$path") && return
    done
    status=000
}

must_be_ok() {
    case $status in
        2*) ;;
        000) die "the controller does not answer ($DOORS). Let this machine reach it, then paste the line again." ;;
        *) die "$(cat "$1")" ;;
    esac
}

proved() { call "$@" --cert client.pem --key key.pem; }

make_request() {
    [ -s key.pem ] || openssl ecparam -name prime256v1 -genkey -noout -out key.pem
    openssl req -new -sha256 -key key.pem -subj /CN=host -out request.pem
}

# What the controller answered: files, each behind a line with its name
unpack() {
    awk '/^== /{f = "new." $2
                if ($2 !~ /^(facts|client\.pem|server\.pem|ca\.pem|controllers\.pem)$/) exit 1
                printf "" > f; next}
         {print > f}' "$1" || die "the controller's answer is not understood. Update it, then paste a new line."
    for file in facts client.pem server.pem ca.pem controllers.pem; do
        if [ -s "new.$file" ]; then mv "new.$file" "$file"; fi
    done
    rm -f "$1"
}

# ------------------------------------------------------------------------------------------------ what this machine is

metadata() { curl -fs --noproxy '*' --connect-timeout 1 --max-time 3 "$@" 2>/dev/null || true; }

cloud_facts() {
    provider='' instance='' region='' size=''
    case $(cat /sys/class/dmi/id/sys_vendor 2>/dev/null || true) in
        *Alibaba*)
            provider=aliyun base=http://100.100.100.200/latest
            pass=$(metadata -X PUT -H 'X-aliyun-ecs-metadata-token-ttl-seconds: 60' $base/api/token)
            instance=$(metadata -H "X-aliyun-ecs-metadata-token: $pass" $base/meta-data/instance-id)
            region=$(metadata -H "X-aliyun-ecs-metadata-token: $pass" $base/meta-data/region-id)
            size=$(metadata -H "X-aliyun-ecs-metadata-token: $pass" $base/meta-data/instance/instance-type)
            ;;
        *Amazon*)
            provider=aws base=http://169.254.169.254/latest
            pass=$(metadata -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/api/token)
            instance=$(metadata -H "X-aws-ec2-metadata-token: $pass" $base/meta-data/instance-id)
            region=$(metadata -H "X-aws-ec2-metadata-token: $pass" $base/meta-data/placement/region)
            size=$(metadata -H "X-aws-ec2-metadata-token: $pass" $base/meta-data/instance-type)
            ;;
    esac
    [ -n "$size" ] || size=$(awk -v cpus="$(nproc 2>/dev/null || echo 1)" \
        '/^MemTotal:/{printf "%d CPUs, %.0f GiB", cpus, $2 / 1048576}' /proc/meminfo)
}

# The address from which this machine speaks to the controller
own_address() {
    door=${DOORS%% *}
    name=${door%:*}
    name=${name#[}
    name=${name%]}
    far=$(getent ahosts "$name" 2>/dev/null | awk '{print $1; exit}')
    ip -o route get "${far:-$name}" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p'
}

# send PATH FILE FUNCTION [options]: the token and what this machine is
send() {
    how=$1 path=$2 answer=$3
    shift 3
    $how "$path" "$answer" --data-urlencode token@token --data-urlencode "hostname=$(uname -n)" \
        --data-urlencode "address=$address" --data-urlencode "provider=$provider" \
        --data-urlencode "instance=$instance" --data-urlencode "region=$region" \
        --data-urlencode "size=$size" "$@"
}

# ------------------------------------------------------------------------------------------------ the engine

packages() {
    if have apt-get; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq -o DPkg::Lock::Timeout=300 update
        apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" >/dev/null
    elif have dnf; then
        dnf -q -y install "$@"
    elif have yum; then
        yum -q -y install "$@"
    else
        die "no apt-get, dnf or yum here. Install $* yourself, then paste the line again."
    fi
}

install_engine() {
    say "installing the Docker engine"
    if have apt-get; then
        packages docker.io iptables
        return
    fi
    name=$(sed -n 's/^ID=//p' /etc/os-release | tr -d '"')
    mirror=https://download.docker.com
    case $name in
        alinux | anolis) mirror=https://mirrors.aliyun.com/docker-ce ;;
    esac
    curl -fsS -o /etc/yum.repos.d/docker-ce.repo "${SHIPWAY_ENGINE_REPO:-$mirror/linux/centos/docker-ce.repo}" ||
        die "the engine's packages are not reachable. Name a mirror as SHIPWAY_ENGINE_REPO, or use an image with Docker."
    if [ "$name" = alinux ] && have dnf; then
        dnf -q -y install dnf-plugin-releasever-adapter --repo alinux3-plus
    fi
    packages docker-ce docker-ce-cli containerd.io iptables
}

engine() {
    if have dockerd; then say "adopting the engine that is here"; else install_engine; fi
    docker version >/dev/null 2>&1 || systemctl enable --now docker >/dev/null 2>&1 ||
        die "the engine does not start: \`journalctl -u docker\` tells why."
    api=$(docker version --format '{{.Server.APIVersion}}') || die "the engine does not answer."
    printf '%s\n%s\n' "$OLDEST" "$api" | sort -V -C ||
        die "the engine speaks API $api; at least $OLDEST (Docker 19.03) is needed. Update it, then paste the line again."
}

guard() {
    have iptables || die "there is no iptables, so containers could read the cloud's metadata. Install it."
    iptables -w -n -L DOCKER-USER >/dev/null 2>&1 ||
        die "the engine made no chain DOCKER-USER (is \"iptables\" false in daemon.json?); containers could read the cloud's metadata."
    for one in $METADATA; do
        iptables -w -C DOCKER-USER -d "$one" -j DROP 2>/dev/null || iptables -w -I DOCKER-USER -d "$one" -j DROP
    done
}

unit() { cat >"$UNITS/$1"; chmod 644 "$UNITS/$1"; }

install_guard() {
    guard
    unit shipway-guard.service <<'UNIT'
[Unit]
Description=Shipway: containers do not reach the cloud's metadata
After=docker.service
PartOf=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /etc/shipway/host.sh guard
[Install]
WantedBy=docker.service
UNIT
    systemctl daemon-reload
    systemctl -q enable shipway-guard.service
}

# By TLS: also on the private address, for the controller alone. The words that start the engine are kept
open_engine() {
    address=$(fact address)
    ip -o addr show 2>/dev/null | grep -qF " $address/" ||
        die "the controller sees this machine as $address, which it is not (NAT?). Invite it with --via agent."
    if grep -qs '"hosts"' /etc/docker/daemon.json; then
        die "/etc/docker/daemon.json says \"hosts\". Take that out: Shipway tells the engine where to listen."
    fi
    place=$UNITS/docker.service.d
    rm -f "$place/shipway.conf"
    systemctl daemon-reload
    words=$(systemctl cat docker.service | sed -n 's/^ExecStart=\(.\)/\1/p' | tail -n 1)
    [ -n "$words" ] || die "docker.service has no ExecStart that is understood: \`systemctl cat docker\`."
    live=''
    grep -qs '"live-restore"' /etc/docker/daemon.json || live=' --live-restore'
    case $address in *:*) listen="[$address]" ;; *) listen=$address ;; esac
    mkdir -p "$place"
    unit docker.service.d/shipway.conf <<UNIT
[Service]
ExecStart=
ExecStart=$words$live -H tcp://$listen:$PORT --tlsverify --tlscacert=/etc/shipway/controllers.pem --tlscert=/etc/shipway/server.pem --tlskey=/etc/shipway/key.pem
UNIT
    systemctl daemon-reload
    systemctl restart docker || die "the engine does not start so: \`journalctl -u docker\` tells why."
}

# By agent: a program that calls the controller; nothing listens here
start_agent() {
    have python3 || packages python3
    call /agent.py new.agent.py
    must_be_ok new.agent.py
    mv new.agent.py agent.py
    unit shipway-agent.service <<UNIT
[Unit]
Description=Shipway: the engine's way to the controller
After=docker.service network-online.target
Wants=network-online.target
[Service]
Environment="SHIPWAY_AGENT_CONTROLLERS=$DOORS"
ExecStart=/usr/bin/env python3 -I -S /etc/shipway/agent.py
Restart=always
RestartSec=2
StateDirectory=shipway-agent
UMask=0077
MemoryMax=128M
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl -q enable shipway-agent.service
    systemctl restart shipway-agent.service
}

install_timer() {
    unit shipway-renew.service <<'UNIT'
[Unit]
Description=Shipway: new certificates before the old ones end
After=network-online.target
Wants=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/sh /etc/shipway/host.sh renew
UNIT
    unit shipway-renew.timer <<'UNIT'
[Timer]
OnCalendar=daily
RandomizedDelaySec=6h
Persistent=true
[Install]
WantedBy=timers.target
UNIT
    systemctl daemon-reload
    systemctl -q enable --now shipway-renew.timer
}

# ------------------------------------------------------------------------------------------------ the three words

join() {
    [ "$(id -u)" = 0 ] || die "this needs root."
    have systemctl || die "this needs systemd, which starts the engine and renews certificates."
    have openssl || packages openssl
    if [ -n "${1:-}" ]; then printf %s "$1" >token; fi
    [ -s token ] || die "there is no token. Paste the whole line of \`shipway hosts invite\`."
    make_request
    cloud_facts
    address=$(own_address)
    send call /enrol answer --data-urlencode request@request.pem
    must_be_ok answer
    unpack answer
    say "this is $(fact name); its certificate is good for 90 days"
    engine
    install_guard
    if [ "$(fact via)" = tls ]; then open_engine; else start_agent; fi
    install_timer
    arrive
    rm -f token request.pem
}

# The controller tries the engine before it believes; an agent needs a moment to call it
arrive() {
    tries=0
    send proved /arrive answer
    while [ "$status" = 503 ] || [ "$status" = 000 ]; do
        tries=$((tries + 1))
        [ $tries -lt 20 ] || break
        sleep 3
        send proved /arrive answer
    done
    must_be_ok answer
    say "$(cat answer)"
    rm -f answer
}

renew() {
    if [ "${1:-}" != now ] && openssl x509 -in client.pem -noout -checkend 2592000 >/dev/null; then return; fi
    make_request
    proved /renew answer --data-urlencode request@request.pem
    must_be_ok answer
    unpack answer
    rm -f request.pem
    if [ "$(fact via)" = tls ]; then systemctl restart docker; fi
    say "$(fact name) has new certificates, good for 90 days"
}

word=${1:-}
[ $# -eq 0 ] || shift
case $word in
    join | renew | guard) "$word" "$@" ;;
    *) die "say join, renew or guard." ;;
esac
