# On the emulated board: edge run listens to the sound card, the camera is unplugged and another one plugged in.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 EDGE_MODELS=/store ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1
cd /scratch
python3.11 -m edge.cli devices >devices.txt
python3.11 -m edge.cli run --senses speech,scene --settings settings.toml --mic "Loopback: PCM (hw:0,1)" --camera 0 \
    --from en --to pt --hud hud.png --events events.jsonl 2>edge.log &
edge=$!
# told EVENT SECONDS [OCCURRENCE]: wait until the program has told it.
told() {
    for _ in $(seq "$2"); do
        [ "$(grep -c "\"$1\"" events.jsonl 2>/dev/null)" -ge "${3:-1}" ] 2>/dev/null && return
        kill -0 $edge || break
        sleep 1
    done
    echo "no $1" >&2
    return 1
}
told SessionStarted 400 && sleep 2 && aplay -q -D plughw:Loopback,0,0 speech.wav
v4l2-ctl -d /dev/video0 -c disconnect=1
told SourceLost 60 && touch replug
told SourceRestored 120
told Subtitle 400
kill -INT $edge
wait $edge
echo $? >status
