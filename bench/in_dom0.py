# SPDX-License-Identifier: BSD-3-Clause
"""Measures cosmos and xl in dom0 with the stopwatch beside it; writes all samples as JSON."""

import argparse
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
COSMOS = "/usr/bin/cosmos"
XL = "/usr/sbin/xl"  # what an operator starts: Debian's shell script around the program
XL_PROGRAM = "/usr/lib/xen-4.17/bin/xl"
KERNEL = "/usr/share/cosmos/guest.elf"
OURS = HERE / "ours.cfg"
SILENT = HERE / "silent.cfg"
THEIRS = str(HERE / "xl-{}.cfg")
SWITCHES = ("bench0", "bench1")
PLUGGED = HERE / "plugged.cfg"  # ours with a vif
SPREAD = HERE / "spread.cfg"    # ours with a vif on any switch
THEIRS_PLUGGED = str(HERE / "xl-plugged-{}.cfg")
SETTLED_S = 0.3  # of a quiet host: until frontend and backend are connected, or gone
SIZES = (4, 8, 16, 64)  # MiB of the guests that are suspended
SINGLE_RUNS = 9
IMAGE_RUNS = 5
WRITTEN = 64  # pages, by a guest that migrates
BATCH_RUNS = 3


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def measure(*command, runs=1):
    """The samples of some runs of a command; all must succeed."""
    words = [str(word) for word in command]
    out = subprocess.run([HERE / "stopwatch", "-n", str(runs), *words], check=True, stdout=subprocess.PIPE, text=True)
    samples = []
    for line in out.stdout.splitlines():
        nanoseconds, faults, status = map(int, line.split())
        if status:
            raise SystemExit(f"'{' '.join(words)}' ended with exit status {status}; try it in lab/xenlab shell")
        samples.append({"us": nanoseconds / 1000, "faults": faults})
    return samples


def newest_guest():
    out = subprocess.run([COSMOS, "list", "--json"], check=True, stdout=subprocess.PIPE).stdout
    return max(guest["id"] for guest in json.loads(out))


def destroy_all():
    subprocess.run([COSMOS, "destroy", "all", "--yes"], check=True, stdout=subprocess.DEVNULL)


def write_configs(count):
    ours = f"name = 'bench'\nkernel = '{KERNEL}'\nmemory = 4\n"
    OURS.write_text(ours)
    SILENT.write_text(ours + "console = 'none'\n")
    PLUGGED.write_text(ours + f"vif = ['bridge={SWITCHES[0]}']\n")
    SPREAD.write_text(ours + "vif = ['bridge=auto']\n")
    for number in range(1, count + 1):
        pathlib.Path(THEIRS_PLUGGED.replace("{}", str(number))).write_text(
            f"name = 'xl-{number}'\ntype = 'pv'\nkernel = '{KERNEL}'\nmemory = 4\n"
            f"vif = ['bridge={SWITCHES[0]}']\n")
        pathlib.Path(THEIRS.replace("{}", str(number))).write_text(
            f"name = 'xl-{number}'\ntype = 'pv'\nkernel = '{KERNEL}'\nmemory = 4\n")


def create_with_cosmos(runs=1, config=OURS):
    return measure(COSMOS, "create", "-p", config, runs=runs)


def create_with_xl(runs=1):
    """With -e, as else a process of xl's stays with each guest."""
    return measure(XL, "create", "-e", "-p", THEIRS, runs=runs)


def make_switches():
    for name in SWITCHES:
        subprocess.run([COSMOS, "switch", "add", name], check=True)


def plug_with_cosmos():
    """One guest with a vif, running, its interface on its switch. Timed on a quiet host."""
    samples = measure(COSMOS, "create", PLUGGED)
    time.sleep(SETTLED_S)
    return samples


def plug_with_xl(number):
    samples = measure(XL, "create", "-e", THEIRS_PLUGGED.replace("{}", str(number)))
    time.sleep(SETTLED_S)
    return samples


def warm_up():
    """The first guest after boot costs extra, and so does the first run of each program."""
    say("a throw-away guest and run of each")
    for create, tool in ((create_with_cosmos, COSMOS), (create_with_xl, XL)):
        create()
        measure(tool, "list")
        measure(tool, "destroy", newest_guest())


def starts():
    say("starting processes")
    programs = {"floor": (HERE / "empty",), "true": ("/bin/true",), "cosmos": (COSMOS, "version"), "xl": (XL, "help"),
                "xl program": (XL_PROGRAM, "help")}
    return {name: measure(*words, runs=SINGLE_RUNS) for name, words in programs.items()}


def singles(results):
    """Create and destroy, on a host without other guests, each tool its own guest, in turns."""
    say(f"{SINGLE_RUNS} times create and destroy, by turns")
    create = results["create"] = {"cosmos": [], "xl": [], "cosmos console=none": []}
    destroy = results["destroy"] = {"cosmos": [], "xl": [], "cosmos console=none": []}
    for _ in range(SINGLE_RUNS):
        for tool, program, make in (("cosmos", COSMOS, create_with_cosmos), ("xl", XL, create_with_xl),
                                    ("cosmos console=none", COSMOS, lambda: create_with_cosmos(config=SILENT))):
            create[tool] += make()
            destroy[tool] += measure(program, "destroy", newest_guest())


def plugged_singles(results):
    """The same with a vif: the guest runs, and its interface is on its switch."""
    say(f"{SINGLE_RUNS} times create and destroy with a vif, by turns")
    create = results["create vif"] = {"cosmos": [], "xl": []}
    destroy = results["destroy vif"] = {"cosmos": [], "xl": []}
    for run in range(SINGLE_RUNS + 1):  # the first of each is thrown away
        for tool, program, make in (("cosmos", COSMOS, plug_with_cosmos), ("xl", XL, lambda: plug_with_xl(1))):
            made = make()
            gone = measure(program, "destroy", newest_guest())
            time.sleep(SETTLED_S)
            if run:
                create[tool] += made
                destroy[tool] += gone


def plugged_series(results, count, with_xl):
    """Guests 1 to count with a vif, by one process each, every one timed."""
    results["series"] = {"cosmos": []}
    say(f"{count} guests with a vif by cosmos, a process each")
    for _ in range(count):
        results["series"]["cosmos"] += plug_with_cosmos()
    destroy_all()
    if with_xl:
        say(f"{count} guests with a vif by xl, a process each")
        time.sleep(SETTLED_S)
        results["series"]["xl"] = []
        for number in range(1, count + 1):
            results["series"]["xl"] += plug_with_xl(number)
        destroy_all()


def many(results, count):
    """All guests by one command over both switches, and all destroyed by one."""
    say(f"{count} guests with a vif over {len(SWITCHES)} switches by one cosmos create")
    results["many"] = {"create": measure(COSMOS, "create", "-n", count, "--timeout", 600, SPREAD)}
    vifs = json.loads(subprocess.run([COSMOS, "list", "--vifs", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    results["ports"] = [sum(vif["switch"] == name for vif in vifs) for name in SWITCHES]
    results["many"]["destroy"] = measure(COSMOS, "destroy", "all", "--yes")
    deadline = time.monotonic() + 600
    while any(path.name.startswith("vif") for path in pathlib.Path("/sys/class/net").iterdir()):
        if time.monotonic() > deadline:
            raise SystemExit("interfaces of destroyed guests are left")
        time.sleep(1)
    left = subprocess.run([COSMOS, "list", "--json"], check=True, stdout=subprocess.PIPE).stdout
    if json.loads(left):
        raise SystemExit(f"guests are left: {left.decode()}")


def images(results):
    """A guest that runs is put into a file on a RAM disk and taken out again, by turns and sizes."""
    file = HERE / "guest.img"
    for size in SIZES:
        say(f"{IMAGE_RUNS} times suspend and resume of {size} MiB, by turns")
        theirs = HERE / f"xl-{size}-mib.cfg"
        theirs.write_text(pathlib.Path(THEIRS.replace("{}", "1")).read_text().replace("memory = 4", f"memory = {size}"))
        suspend = results[f"suspend {size}"] = {"cosmos": [], "xl": []}
        resume = results[f"resume {size}"] = {"cosmos": [], "xl": []}
        for _ in range(IMAGE_RUNS):
            for tool, program, make, put, take in (
                    ("cosmos", COSMOS, ("create", OURS, f"memory={size}"), "suspend", ("resume",)),
                    ("xl", XL, ("create", "-e", theirs), "save", ("restore", "-e"))):
                measure(program, *make)
                time.sleep(SETTLED_S)
                suspend[tool] += measure(program, put, newest_guest(), file)
                time.sleep(SETTLED_S)
                resume[tool] += measure(program, *take, file)
                time.sleep(SETTLED_S)
                measure(program, "destroy", newest_guest())
                time.sleep(SETTLED_S)
                file.unlink()


def migrations(results):
    """A guest that runs moves to a receiver on the same host, by sizes; xl cannot."""
    socket = HERE / "receiver"
    with subprocess.Popen([COSMOS, "receive", "--listen", f"unix:{socket}"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as receiver:
        receiver.stderr.readline()  # it is there
        for size in SIZES:
            say(f"{IMAGE_RUNS} times migrate of {size} MiB, and as often of one that writes {WRITTEN} pages a millisecond")
            migrate = results[f"migrate {size}"] = {"cosmos": []}
            downtime = results[f"downtime {size}"] = {"cosmos": []}
            for _ in range(IMAGE_RUNS):
                measure(COSMOS, "create", OURS, f"memory={size}")
                time.sleep(SETTLED_S)
                migrate["cosmos"] += measure(COSMOS, "migrate", newest_guest(), f"unix:{socket}")
                destroy_all()
                measure(COSMOS, "create", OURS, f"memory={size}", f"extra='writes={WRITTEN}'")
                time.sleep(SETTLED_S)
                said = subprocess.run([COSMOS, "migrate", "--json", str(newest_guest()), f"unix:{socket}"], check=True,
                                      stdout=subprocess.PIPE).stdout
                downtime["cosmos"].append({"us": json.loads(said)[0]["seconds_still"] * 1e6, "faults": 0})
                destroy_all()
                time.sleep(SETTLED_S)
        receiver.terminate()


def batches(results, count):
    """Guests 1 to count by one command of cosmos, and by one command of xl each."""
    results["batch"] = {"cosmos": []}
    for _ in range(BATCH_RUNS):
        say(f"{count} guests by one cosmos create")
        results["batch"]["cosmos"] += measure(COSMOS, "create", "-p", "-n", count, OURS)
        if len(results["batch"]["cosmos"]) == BATCH_RUNS:
            lists(results, count)
        destroy_all()
    series(results, count, with_xl=True)


def lists(results, count):
    say(f"lists of {count} guests")
    results["list"] = {"cosmos": measure(COSMOS, "list", runs=SINGLE_RUNS),
                       "cosmos --names": measure(COSMOS, "list", "--names", runs=SINGLE_RUNS),
                       "xl": measure(XL, "list", runs=SINGLE_RUNS)}


def series(results, count, with_xl):
    """Guests 1 to count by one process each, every one timed."""
    results["series"] = {}
    say(f"{count} guests by cosmos, a process each")
    results["series"]["cosmos"] = create_with_cosmos(runs=count)
    destroy_all()
    if with_xl:
        say(f"{count} guests by xl, a process each")
        results["series"]["xl"] = create_with_xl(runs=count)
        destroy_all()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--guests", type=int, required=True)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--with-xl", action="store_true")
    parser.add_argument("--vifs", action="store_true")
    parser.add_argument("--many", action="store_true")
    parser.add_argument("output", type=pathlib.Path)
    arguments = parser.parse_args()

    write_configs(arguments.guests)
    warm_up()
    make_switches()
    results = {"guests": arguments.guests}
    if arguments.many:
        many(results, arguments.guests)
    elif arguments.growth:
        grow = plugged_series if arguments.vifs else series
        grow(results, arguments.guests, arguments.with_xl)
    else:
        results["start"] = starts()
        singles(results)
        plugged_singles(results)
        images(results)
        migrations(results)
        batches(results, arguments.guests)
    arguments.output.write_text(json.dumps(results))


main()
