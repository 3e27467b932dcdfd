#!/usr/bin/python3
# Stands for PackageKit's daemon in a test: it holds what packagekitd 1.2.6 (libdnf) and 1.4.0 (libdnf5) were seen to hold in a transaction that
# begins at its start, stays when that has ended, and ends when it is asked to over D-Bus.
import ctypes, fcntl, os, threading, time

NAME = b"org.freedesktop.PackageKit"
PREPARES, RUNS = 5, 3  # seconds


def transaction():
    # libdnf notes its number, libdnf5 has a lock; rpm's lock comes later, and goes earlier
    note, lock = None, None
    if os.path.exists("/usr/bin/dnf5"):
        os.makedirs("/run/dnf", exist_ok=True)
        lock = open("/run/dnf/rpmtransaction.lock", "w")
        fcntl.lockf(lock, fcntl.LOCK_EX)
    else:
        note = "/run/dnf-rpmdb.lock"
        with open(note + ".new", "w") as f:
            f.write(str(os.getpid()))
        os.rename(note + ".new", note)
    open("/run/packagekit-began", "w").close()
    time.sleep(PREPARES)
    with open("/var/lib/rpm/.rpm.lock", "r+") as rpm:
        fcntl.lockf(rpm, fcntl.LOCK_EX)
        time.sleep(RUNS)
    with open("/run/packagekit-idle", "w") as f:
        f.write(str(time.time_ns()))
    if note:
        os.remove(note)
    else:
        lock.close()


with open("/root/packagekit-starts", "a") as f:
    f.write("started\n")
threading.Thread(target=transaction, daemon=True).start()

sd = ctypes.CDLL("libsystemd.so.0")  # sd-bus(3)
asked = threading.Event()


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
def called(message, _data, _error):
    message = ctypes.c_void_p(message)
    if sd.sd_bus_message_is_method_call(message, NAME, b"SuggestDaemonQuit") <= 0:
        return 0
    asked.set()
    return sd.sd_bus_reply_method_return(message, None)


def must(result):
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


bus = ctypes.c_void_p()
must(sd.sd_bus_open_system(ctypes.byref(bus)))
must(sd.sd_bus_add_object(bus, None, b"/org/freedesktop/PackageKit", called, None))
must(sd.sd_bus_request_name(bus, NAME, ctypes.c_uint64(0)))
while not asked.is_set():
    if must(sd.sd_bus_process(bus, None)) == 0:
        must(sd.sd_bus_wait(bus, ctypes.c_uint64(1000000)))
must(sd.sd_bus_flush(bus))
