/**
 * Modbus function codes as data: name, how long an answer is, and what of the request it must repeat.
 *
 * Source: MODBUS Application Protocol Specification V1.1b3, section 6 (functions), section 7 (exceptions).
 */

/** How the length of an answer PDU follows from the answer itself. */
export type AnswerLength =
  /** Always so many bytes, function code included. */
  | { kind: 'fixed'; bytes: number }
  /** A byte count of 1 or 2 bytes follows the function code and counts what comes after it. */
  | { kind: 'counted'; countBytes: 1 | 2 }
  /** As long as the request (diagnostics loops its data back). */
  | { kind: 'as-request' }
  /** Encapsulated interface: a list of objects, each with its own length. */
  | { kind: 'objects' };

export interface FunctionRow {
  name: string;
  answer: AnswerLength;
  /** Length of the answer PDU that this request must get, where the request decides it. */
  expected?: (request: Uint8Array) => number;
  /** So many leading bytes of the request, function code included, are repeated by the answer. */
  repeats?: number | 'all';
}

export const FUNCTION = {
  readCoils: 0x01,
  readDiscreteInputs: 0x02,
  readHolding: 0x03,
  readInput: 0x04,
  writeCoil: 0x05,
  writeRegister: 0x06,
  readExceptionStatus: 0x07,
  diagnostics: 0x08,
  eventCounter: 0x0b,
  eventLog: 0x0c,
  writeCoils: 0x0f,
  writeRegisters: 0x10,
  reportServerId: 0x11,
  readFileRecord: 0x14,
  writeFileRecord: 0x15,
  maskWrite: 0x16,
  readWrite: 0x17,
  readFifo: 0x18,
  encapsulated: 0x2b,
} as const;

/** Set in the function code of an answer that reports an exception. */
export const EXCEPTION_BIT = 0x80;
/** An exception answer: function code and exception code. */
export const EXCEPTION_PDU_BYTES = 2;
/** MEI type of Read Device Identification, the one encapsulated transport with a length of its own here. */
export const MEI_DEVICE_IDENTIFICATION = 0x0e;

const word = (pdu: Uint8Array, at: number): number => ((pdu[at] ?? 0) << 8) | (pdu[at + 1] ?? 0);
/** Quantities stand behind function code and address. */
const QUANTITY_AT = 3;
const bitsAnswer = (pdu: Uint8Array): number => 2 + Math.ceil(word(pdu, QUANTITY_AT) / 8);
const wordsAnswer = (pdu: Uint8Array): number => 2 + 2 * word(pdu, QUANTITY_AT);
const counted = { kind: 'counted', countBytes: 1 } as const;
/** Function code, address, and value or quantity. */
const echo = { kind: 'fixed', bytes: 5 } as const;

export const functionTable: Readonly<Record<number, FunctionRow>> = {
  [FUNCTION.readCoils]: { name: 'read coils', answer: counted, expected: bitsAnswer },
  [FUNCTION.readDiscreteInputs]: { name: 'read discrete inputs', answer: counted, expected: bitsAnswer },
  [FUNCTION.readHolding]: { name: 'read holding registers', answer: counted, expected: wordsAnswer },
  [FUNCTION.readInput]: { name: 'read input registers', answer: counted, expected: wordsAnswer },
  [FUNCTION.writeCoil]: { name: 'write single coil', answer: echo, repeats: 5 },
  [FUNCTION.writeRegister]: { name: 'write single register', answer: echo, repeats: 5 },
  [FUNCTION.readExceptionStatus]: { name: 'read exception status', answer: { kind: 'fixed', bytes: 2 } },
  [FUNCTION.diagnostics]: {
    name: 'diagnostics',
    answer: { kind: 'as-request' },
    expected: (pdu) => pdu.length,
    repeats: 3,
  },
  [FUNCTION.eventCounter]: { name: 'get comm event counter', answer: { kind: 'fixed', bytes: 5 } },
  [FUNCTION.eventLog]: { name: 'get comm event log', answer: counted },
  [FUNCTION.writeCoils]: { name: 'write multiple coils', answer: echo, repeats: 5 },
  [FUNCTION.writeRegisters]: { name: 'write multiple registers', answer: echo, repeats: 5 },
  [FUNCTION.reportServerId]: { name: 'report server id', answer: counted },
  [FUNCTION.readFileRecord]: { name: 'read file record', answer: counted },
  [FUNCTION.writeFileRecord]: {
    name: 'write file record',
    answer: counted,
    expected: (pdu) => pdu.length,
    repeats: 'all',
  },
  [FUNCTION.maskWrite]: { name: 'mask write register', answer: { kind: 'fixed', bytes: 7 }, repeats: 'all' },
  [FUNCTION.readWrite]: { name: 'read/write multiple registers', answer: counted, expected: wordsAnswer },
  [FUNCTION.readFifo]: { name: 'read FIFO queue', answer: { kind: 'counted', countBytes: 2 } },
  [FUNCTION.encapsulated]: { name: 'encapsulated interface', answer: { kind: 'objects' } },
};

/** Exception codes by name. Source: Application Protocol V1.1b3, section 7. */
export const exceptionNames: Readonly<Record<number, string>> = {
  0x01: 'illegal function',
  0x02: 'illegal data address',
  0x03: 'illegal data value',
  0x04: 'server device failure',
  0x05: 'acknowledge',
  0x06: 'server device busy',
  0x07: 'negative acknowledge', // withdrawn in V1.1b3, still sent by older devices (PI-MBUS-300)
  0x08: 'memory parity error',
  0x0a: 'gateway path unavailable',
  0x0b: 'gateway target device failed to respond',
};

export const EXCEPTION = { acknowledge: 0x05, busy: 0x06 } as const;

/** `0x03`, for messages. */
export function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

/** `read holding registers (0x03)`, for messages. */
export function functionName(code: number): string {
  const row = functionTable[code & ~EXCEPTION_BIT];
  return row === undefined ? `function ${hexByte(code)}` : `${row.name} (${hexByte(code)})`;
}
