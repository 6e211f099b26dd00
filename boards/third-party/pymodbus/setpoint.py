"""A setpoint that only authenticated commands may move, on pymodbus' server: what a maker would build with that stack.

  setpoint.py tcp|rtu FOLDER [--no-freshness] [--forgets]

It serves on MODBUS_PORT or MODBUS_TTY as unit 17, zero-based:
  input 0        setpoint            input 24-25   pressure, thousandths of a bar (u32), never still
  input 40       result of the last command: 1 accepted, 2 bad code, 3 replayed, 4 too old, 5 from the future, 6 malformed
  input 41-42    last accepted counter (u32)
  holding 0      setpoint; a plain write is refused            holding 1     scratch, for anybody
  holding 100-115 mailbox: u32 counter, u64 UTC in ms, u16 code (1 set, 2 add), i16 value, HMAC-SHA256 cut to 16 bytes
  coils and discrete inputs 0-7: scratch, and their complement
FOLDER holds commands.key, and state.json, which is on disk before a command takes effect.

--no-freshness   checks the code alone, as if that were enough
--forgets        keeps the counter in memory only
"""

import asyncio
import hashlib
import hmac
import json
import os
import struct
import sys
import time

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.server.async_io import StartAsyncSerialServer, StartAsyncTcpServer

UNIT = 17
MAILBOX, MAILBOX_REGISTERS = 100, 16
SETPOINT, PRESSURE, RESULT, COUNTER = 0, 24, 40, 41
ACCEPTED, BAD_CODE, REPLAYED, TOO_OLD, FROM_THE_FUTURE, MALFORMED = 1, 2, 3, 4, 5, 6
OLDER_MS, NEWER_MS, MAXIMUM_GAP = 2000, 500, 1000
WRITES = (5, 6, 15, 16, 22, 23)


class State:
    """Setpoint and counter, kept in a file."""

    def __init__(self, folder, forgets):
        self.file = os.path.join(folder, "state.json")
        self.kept = {"setpoint": 100, "counter": 0}
        if os.path.exists(self.file):
            with open(self.file, encoding="ascii") as file:
                self.kept = json.load(file)
        if forgets:
            self.kept["counter"] = 0

    def keep(self, setpoint, counter):
        with open(self.file + ".new", "w", encoding="ascii") as file:
            json.dump({"setpoint": setpoint, "counter": counter}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.file + ".new", self.file)
        self.kept = {"setpoint": setpoint, "counter": counter}


class Commands:
    def __init__(self, state, key, fresh):
        self.state, self.key, self.fresh = state, key, fresh
        self.result = 0

    def take(self, message):
        self.result = self.judged(message)
        print(f"command {message[:4].hex()} result {self.result} setpoint {self.state.kept['setpoint']}", flush=True)

    def judged(self, message):
        signed, code = message[:16], message[16:]
        if not hmac.compare_digest(hmac.new(self.key, signed, hashlib.sha256).digest()[:16], code):
            return BAD_CODE
        counter, sent_ms, action, value = struct.unpack(">IQHh", signed)
        if self.fresh:
            age_ms = time.time() * 1000 - sent_ms
            if counter <= self.state.kept["counter"]:
                return REPLAYED
            if counter > self.state.kept["counter"] + MAXIMUM_GAP or age_ms < -NEWER_MS:
                return FROM_THE_FUTURE
            if age_ms > OLDER_MS:
                return TOO_OLD
        if action not in (1, 2):
            return MALFORMED
        setpoint = value if action == 1 else self.state.kept["setpoint"] + value
        self.state.keep(setpoint, counter)
        return ACCEPTED


class Inputs(ModbusSequentialDataBlock):
    """Input registers as they are at the moment of reading."""

    def __init__(self, commands):
        super().__init__(0, [0] * 64)
        self.commands = commands

    def getValues(self, address, count=1):
        kept = self.commands.state.kept
        self.values[SETPOINT] = kept["setpoint"] & 0xFFFF
        self.values[PRESSURE : PRESSURE + 2] = divmod(4000 + int(time.time() * 50) % 500, 0x10000)
        self.values[RESULT] = self.commands.result
        self.values[COUNTER : COUNTER + 2] = divmod(kept["counter"], 0x10000)
        return super().getValues(address, count)


class Unit(ModbusSlaveContext):
    """Which writes are served at all; the mailbox is taken as one block only."""

    def __init__(self, commands, **blocks):
        super().__init__(zero_mode=True, **blocks)
        self.commands = commands

    def validate(self, fc_as_hex, address, count=1):
        if not super().validate(fc_as_hex, address, count):
            return False
        if fc_as_hex not in WRITES or self.decode(fc_as_hex) != "h":
            return True
        if fc_as_hex == 16 and address == MAILBOX:
            return count == MAILBOX_REGISTERS
        return address == 1 and count == 1

    def setValues(self, fc_as_hex, address, values):
        super().setValues(fc_as_hex, address, values)
        if fc_as_hex == 16 and address == MAILBOX:
            self.commands.take(struct.pack(f">{MAILBOX_REGISTERS}H", *values))


IDENTITY = {
    0x00: "Fieldproof examples",
    0x01: "SP-1",
    0x02: "1.0",
    0x03: "https://example.org",
    0x04: "Setpoint",
    0x05: "SP-1 on pymodbus",
    0x06: "setpoint.py",
    0x80: "SP1-000007",
}


async def serve(mode, folder, options):
    with open(os.path.join(folder, "commands.key"), "rb") as file:
        key = file.read()
    commands = Commands(State(folder, "--forgets" in options), key, "--no-freshness" not in options)
    unit = Unit(
        commands,
        co=ModbusSequentialDataBlock(0, [False] * 8),
        di=ModbusSequentialDataBlock(0, [True, False] * 4),
        hr=ModbusSequentialDataBlock(0, [0] * 128),
        ir=Inputs(commands),
    )
    common = {
        "context": ModbusServerContext(slaves={UNIT: unit}, single=False),
        "identity": ModbusDeviceIdentification(info=IDENTITY),
        "defer_start": True,
    }
    if mode == "tcp":
        # Else the port of a device that lost its power stays taken for a minute.
        place = {"address": ("127.0.0.1", int(os.environ["MODBUS_PORT"])), "allow_reuse_address": True}
        server = await StartAsyncTcpServer(**common, **place)
        running = asyncio.create_task(server.serve_forever())
        await asyncio.wait({running, server.serving}, return_when=asyncio.FIRST_COMPLETED)
    else:
        line = {"port": os.environ["MODBUS_TTY"], "baudrate": 115200, "parity": "N"}
        server = await StartAsyncSerialServer(**common, framer=ModbusRtuFramer, **line)
        await server.start()
        running = asyncio.create_task(server.serve_forever())
    if not running.done():
        print("serving", flush=True)
    await running


asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3:]))
