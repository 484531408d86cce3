"""QEMU's monitor of one boot: it carries out what a row asks for, and keeps the events and answers."""
import json
import os
import signal
import socket
import subprocess
import threading
import time


class Monitor:
    """ACTS: (text, seconds, calls): once the console has said TEXT and SECONDS have passed, each call is made: a QMP
    command with its arguments, ("sh", COMMAND) on the host, ("event", NAME) to wait for, or ("kill", PIDFILE). They
    follow each other."""

    def __init__(self, path, acts):
        self.path, self.acts = path, acts
        self.events, self.answers, self.notes = [], [], []
        self.lines, self.said, self.over, self.done = [], threading.Condition(), False, 0
        self.reply, self.socket, self.vm = threading.Condition(), None, None
        self.pending = []
        self.threads = [threading.Thread(target=t) for t in (self.listen, self.act)]

    def start(self, vm):
        self.vm = vm
        for thread in self.threads:
            thread.start()

    def line(self, text):
        with self.said:
            self.lines.append(text)
            self.said.notify_all()

    def stop(self):
        """The console has ended, and QEMU with it."""
        with self.said:
            self.over = True
            self.said.notify_all()
        for thread in self.threads:
            thread.join()
        if self.done < len(self.acts):
            self.notes.append(f"the guest ended before \"{self.acts[self.done][0]}\" was acted upon")

    # --- what QEMU says

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        while self.vm.poll() is None:
            try:
                s.connect(self.path)
                return s
            except OSError:
                time.sleep(0.02)
        s.close()
        return None

    def listen(self):
        with self.reply:
            self.socket = self.connect()
            self.reply.notify_all()
        if self.socket:
            self.send("qmp_capabilities", {})
            self.hear()
        with self.reply:
            self.pending.append(None)
            self.reply.notify_all()

    def hear(self):
        with self.socket, self.socket.makefile("r") as f:
            try:
                for text in f:
                    self.take(json.loads(text))
            except OSError:
                pass

    def take(self, message):
        if "event" in message:
            with self.reply:
                self.events.append((message["event"], message.get("data", {})))
                self.reply.notify_all()
        elif "QMP" not in message:
            with self.reply:
                self.pending.append(message)
                self.reply.notify_all()

    def send(self, name, arguments):
        try:
            self.socket.sendall((json.dumps({"execute": name, "arguments": arguments}) + "\n").encode())
        except (OSError, AttributeError):
            pass

    # --- what a row asks for

    def act(self):
        with self.reply:
            # The first answer is that to qmp_capabilities.
            self.reply.wait_for(lambda: self.pending)
            if self.pending[0] is not None:
                self.pending.pop(0)
        for text, seconds, calls in self.acts:
            if not self.wait(text) or (seconds and self.pause(seconds)):
                return
            for name, arguments in calls:
                if not self.call(name, arguments):
                    return
            self.done += 1

    def wait(self, text):
        with self.said:
            while not any(text in line for line in self.lines):
                if self.over:
                    return False
                self.said.wait()
        return True

    def pause(self, seconds):
        """True if the guest ended meanwhile."""
        with self.said:
            return self.said.wait_for(lambda: self.over, seconds)

    def call(self, name, arguments):
        if name == "sh":
            done = subprocess.run(["bash", "-euc", arguments], capture_output=True, text=True, check=False)
            if done.returncode:
                self.notes.append(f"{arguments}: {done.stderr.strip()}")
            return done.returncode == 0
        if name == "kill":
            with open(arguments, encoding="ascii") as f:
                os.kill(int(f.read()), signal.SIGKILL)
            return True
        if name == "event":
            with self.reply:
                self.reply.wait_for(lambda: None in self.pending or any(e == arguments for e, _ in self.events))
                return any(e == arguments for e, _ in self.events)
        self.send(name, arguments)
        with self.reply:
            self.reply.wait_for(lambda: self.pending)
            answer = self.pending[0]
            if answer is None:
                # QEMU has ended; to "quit" it may do so without a word.
                if name != "quit":
                    self.notes.append(f"QMP {name}: QEMU has ended")
                return name == "quit"
            self.pending.pop(0)
        self.answers.append((name, answer.get("return")))
        if "error" in answer:
            self.notes.append(f"QMP {name}: {answer['error']['desc']}")
        return "error" not in answer
