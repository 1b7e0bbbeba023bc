"""A live RTSP server made of GStreamer, run by Debian's Python: `rtsp_server.py PORT START_NS UNITS...`.

Each UNITS file is one camera: (length u32, time ns i64, is key u8, H.264 access unit) again and again. START_NS is the
wall time of time 0; 0 means: with the camera's first reader. Whoever comes later joins at the next key picture.
"""

import struct
import sys
import threading
import time

import gi  # pyright: ignore[reportMissingImports]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  # pyright: ignore

LAUNCH = (
    "( appsrc name=source is-live=true do-timestamp=true format=time "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au ! h264parse ! "
    "rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


def read_units(path):
    with open(path, "rb") as file:
        while head := file.read(13):
            length, at_ns, is_key = struct.unpack("<Iq?", head)
            yield at_ns, is_key, file.read(length)


def push(source, units):
    start_ns = START_NS or time.time_ns()
    has_begun = False
    for at_ns, is_key, unit in units:
        wait_ns = start_ns + at_ns - time.time_ns()
        has_begun = has_begun or (is_key and wait_ns > -100_000_000)
        if not has_begun:
            continue
        time.sleep(max(0, wait_ns / 1e9))
        if source.emit("push-buffer", Gst.Buffer.new_wrapped(unit)) != Gst.FlowReturn.OK:
            return


def begin(_, media, units):
    source = media.get_element().get_by_name("source")
    threading.Thread(target=push, args=(source, units), daemon=True).start()


Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_service(sys.argv[1])
START_NS = int(sys.argv[2])
for number, path in enumerate(sys.argv[3:], start=1):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH)
    factory.set_shared(True)
    factory.connect("media-configure", begin, list(read_units(path)))
    server.get_mount_points().add_factory(f"/cam-{number}", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
