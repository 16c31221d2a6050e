"""A real SLURM on this machine, for tests: virtual nodes on the loopback interface, without systemd
or a database."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from getpass import getuser
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
PACKAGES = "munge slurmctld slurmd slurm-client"
SEARCHED = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
GPU_NODES = ("gpu1", "gpu2")
NODES = ("cpu1", *GPU_NODES)
# Files that stand in for those of two GPUs; SLURM asks that they exist and differ.
GPU_FILES = ("/dev/null", "/dev/zero")
# cred_expire is also how long a job that goes back to the queue waits there.
SETTINGS = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=15
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
EnforcePartLimits=ALL
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=3600
KillWait=5
ReturnToService=2
SlurmdTimeout=120
SchedulerParameters=sched_interval=5,bf_interval=5,sched_min_interval=0,batch_sched_delay=0
MailProg=/bin/true
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
TaskProlog={folder}/bin/hide_gpus
{nodes}
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1440
PartitionName=gpu Nodes={gpu_nodes} MaxTime=1440
"""


def reason_against() -> str | None:
    """Why no cluster can be started here; None if one can."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=SEARCHED)]
    if missing:
        return f"no {', '.join(missing)}: apt-get install --no-install-recommends {PACKAGES}"
    host, address = socket.gethostname(), ""
    with suppress(OSError):
        address = socket.gethostbyname(host)
    if not address.startswith("127."):
        return f"SLURM would listen on the network: add '127.0.0.1 {host}' to /etc/hosts"
    return None


def wait_for(condition: Callable[[], bool], seconds: float, description: str) -> None:
    """Return as soon as `condition` holds.

    Raises:
        TimeoutError: it does not after so many seconds.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds} s still not: {description}")
        time.sleep(0.1)


class Cluster:
    """One CPU node and two with two GPUs each, of eight cores and 64 GB, whatever the machine has.

    Attributes:
        folder: holds settings, states and logs of the daemons.
        environment: what a user's commands need to find this cluster.
    """

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)
        self.daemons: dict[str, subprocess.Popen] = {}
        programs = self.folder / "bin"
        self.environment = os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(programs), SEARCHED]),
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parent / "site"), os.environ.get("PYTHONPATH", "")]
            ),
        }
        self._configure(programs)

    def _configure(self, programs: Path) -> None:
        host, (controller, *ports) = socket.gethostname(), _free_ports(1 + len(NODES))
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 "
            "RealMemory=64000" + (f" Gres=gpu:fake:{len(GPU_FILES)}" if name in GPU_NODES else "")
            for name, port in zip(NODES, ports, strict=True)
        ]
        settings = SETTINGS.format(
            host=host,
            controller=controller,
            user=getuser(),
            folder=self.folder,
            nodes="\n".join(nodes),
            gpu_nodes=",".join(GPU_NODES),
        )
        gpus = [
            f"NodeName={name} Name=gpu Type=fake File={file}\n"
            for name in GPU_NODES
            for file in GPU_FILES
        ]
        (self.folder / "slurm.conf").write_text(settings)
        (self.folder / "gres.conf").write_text("".join(gpus))
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        for name in ("state", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir()
        # The plugin drops SLURM_CONF from the environment of the srun within a job.
        srun, which = (shutil.which(name, path=SEARCHED) for name in ("srun", "which"))
        wrappers = {"srun": f'SLURM_CONF={self.folder}/slurm.conf exec {srun} "$@"'}
        # Debian has sacct in the package of squeue. It only fails without a database, yet the
        # plugin, which looks for it with `which`, turns to it while the controller is away.
        wrappers["which"] = f'[ "$1" != sacct ] && exec {which} "$@"'
        # A GPU that a job is given but cannot use is a fault, and no node has one.
        wrappers["hide_gpus"] = "echo unset CUDA_VISIBLE_DEVICES"
        programs.mkdir()
        for name, command in wrappers.items():
            (programs / name).write_text(f"#!/bin/sh\n{command}\n")
            (programs / name).chmod(0o755)

    def start(self) -> None:
        """Start the daemons; return when all nodes are idle."""
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in files.items()]
        self._start("munged", "munged", "--foreground", *options)
        wait_for((self.folder / "munge.socket").exists, 20, "munged listens")
        self.restart_controller()
        for node in NODES:
            self.start_node(node)
        wait_for(lambda: set(self.states().values()) == {"idle"}, 60, "all nodes are idle")

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            self.daemons[name] = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def restart_controller(self) -> None:
        self._stop("slurmctld")
        self._start("slurmctld", "slurmctld", "-D")

    def start_node(self, node: str) -> None:
        self._start(node, "slurmd", "-D", "-N", node)

    def lose_node(self, node: str) -> None:
        """Kill all that runs on `node`, as if its power failed, and let SLURM know at once, not
        after a time-out."""
        jobs = self.squeue("%A", "--nodelist", node, "--states", "running,completing")
        managers = tuple(f"slurmstepd: [{job}." for job in jobs)
        running = {
            process: " ".join(process.info["cmdline"] or [])
            for process in psutil.process_iter(["cmdline"])
        }
        doomed = [process for process, command in running.items() if command.startswith(managers)]
        doomed += [process for job in jobs for process in self._processes_with(SLURM_JOB_ID=job)]
        self.daemons.pop(node).kill()
        _kill(doomed)
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=power")

    def _processes_with(self, **variables: str) -> list[psutil.Process]:
        """Processes of this cluster's jobs and users that have these variables in their
        environment."""
        wanted = {"SLURM_CONF": f"{self.folder}/slurm.conf", **variables}
        found = psutil.process_iter(["environ"])  # None of those that are another user's
        return [
            process
            for process in found
            if wanted.items() <= (process.info["environ"] or {}).items()
        ]

    def run(self, *command: str) -> str:
        """What a command of SLURM prints."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def squeue(self, fields: str, *arguments: str) -> list[str]:
        """A line for each job."""
        return self.run("squeue", "--noheader", "--format", fields, *arguments).splitlines()

    def states(self) -> dict[str, str]:
        """State of each node; empty while the controller is away."""
        try:
            lines = self.run("sinfo", "--noheader", "--Node", "--format", "%N %t").splitlines()
        except subprocess.CalledProcessError:
            return {}
        return dict(line.split() for line in lines)

    def stop(self) -> None:
        """Cancel all jobs, end the daemons and what they left running, and remove the folder."""
        with suppress(subprocess.SubprocessError, TimeoutError):
            self.run("scancel", "--user", getuser())
            wait_for(lambda: not self.squeue("%A"), 30, "no job is left")
        for name in (*NODES, "slurmctld", "munged"):
            self._stop(name)
        _kill(self._processes_with())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop(self, name: str) -> None:
        if daemon := self.daemons.pop(name, None):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [server.getsockname()[1] for server in servers]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
