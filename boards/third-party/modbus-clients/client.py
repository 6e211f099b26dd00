"""pymodbus as a client: reads and writes as asked, one JSON line a step.

  client.py tcp PORT | rtu TTY
"""

import json
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.mei_message import ReadDeviceInformationRequest

UNIT = 17


def tell(step, answer, value):
    exception = getattr(answer, "exception_code", None)
    said = {"exception": exception} if exception is not None else {"failed": str(answer)} if answer.isError() else None
    print(json.dumps({"step": step, **(said or {"value": value(answer)})}), flush=True)


def main(mode, place):
    if mode == "tcp":
        client = ModbusTcpClient("127.0.0.1", port=int(place), timeout=10)
    else:
        # A pseudo-terminal has no parity, and pyserial fails when it sets one a second time.
        client = ModbusSerialClient(place, baudrate=19200, parity="N", timeout=10)
    if not client.connect():
        sys.exit(f"no connection to {place}")
    unit = {"slave": UNIT}
    tell("version", client.read_input_registers(0, 5, **unit), lambda answer: answer.registers)
    tell("counter floor", client.read_input_registers(5, 2, **unit), lambda answer: answer.registers)
    tell("write scratch", client.write_register(1, 0x1A2B, **unit), lambda answer: answer.value)
    tell("read scratch", client.read_holding_registers(1, 1, **unit), lambda answer: answer.registers)
    tell("write coils", client.write_coils(0, [True, False, True], **unit), lambda answer: answer.count)
    tell("read coils", client.read_coils(0, 8, **unit), lambda answer: answer.bits[:8])
    tell("alarms", client.read_discrete_inputs(0, 8, **unit), lambda answer: answer.bits[:8])
    tell("write setpoint", client.write_register(0, 4242, **unit), lambda answer: answer.value)
    tell("no such register", client.read_input_registers(9999, 1, **unit), lambda answer: answer.registers)
    identity = client.execute(ReadDeviceInformationRequest(read_code=3, unit=UNIT))
    tell("identity", identity, lambda answer: {key: text.decode() for key, text in answer.information.items()})
    client.close()


main(sys.argv[1], sys.argv[2])
