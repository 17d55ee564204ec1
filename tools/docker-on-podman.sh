# For `npm run test:compose`: `docker` as docs/operations/deploy.md uses it, done by podman and podman-compose, which know fewer words.
# To be read by bash, with COMPOSE_PROJECT_NAME and COMPOSE, the command that takes the arguments of `docker compose`.

docker() {
  [ "$1" = compose ] || { podman "$@"; return; }
  shift
  case "$1" in
    ps) running "${@:3}" ;;
    up) up_and_wait "$@" ;;
    run) run_once "${@:2}" ;;
    *) compose "$@" ;;
  esac
}

compose() { $COMPOSE -p "$COMPOSE_PROJECT_NAME" "$@"; }

# The containers of services.
running() {
  local service label=label=com.docker.compose
  for service; do
    podman ps -q --filter "$label.project=$COMPOSE_PROJECT_NAME" --filter "$label.service=$service"
  done
}

up_and_wait() {
  local word words=() services=() container
  for word; do
    case "$word" in
      --wait | up) ;;
      -*) words+=("$word") ;;
      *) services+=("$word") ;;
    esac
  done
  compose up "${words[@]}" "${services[@]}"
  for container in $(running "${services[@]}"); do
    until podman exec "$container" node container-health.mjs; do sleep 1; done
  done
}

# Its status is not handed on, and it may ask for a name before it was told.
run_once() {
  local try said
  for try in 1 2 3 4 5 6 7 8; do
    said=$(compose run --no-deps "$@" 2>&1) || true
    case "$said" in *'schema is up to date'* | *'applied '*) return 0 ;; esac
  done
  echo "$said" >&2
  return 1
}
