/**
 * The bytes of the one temporary file that a client may write at a time, apart from OPC UA.
 *
 * Source: OPC 10000-20 (File Transfer), 1.05, sections 4.2 (FileType) and 4.4 (temporary file transfer): a handle
 * is good only in the session that got it, `Close` abandons the file, and the server may drop it when the client
 * stays silent for longer than ClientProcessingTimeout.
 */

/** What a step of the transaction came to; the names are those of the OPC UA status codes. */
export type FileStatus = 'Good' | 'BadInvalidArgument' | 'BadOutOfMemory' | 'BadResourceUnavailable';

export interface FileLimits {
  /** A file that would grow beyond this is refused. */
  maximumBytes: number;
  /** The file is dropped after this long without a call; Infinity: never. */
  silenceMs: number;
  /** Called when a file was dropped for its client's silence. */
  onSilence?: (bytesSoFar: number) => void;
}

export interface CompleteFile {
  name: string;
  bytes: Buffer;
}

interface OpenFile {
  handle: number;
  session: string;
  name: string;
  content: Buffer;
  sizeBytes: number;
  position: number;
  overflowed: boolean;
}

export class FileTransaction {
  readonly #limits: FileLimits;
  #open: OpenFile | null = null;
  #lastHandle = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: FileLimits) {
    this.#limits = limits;
  }

  /** Bytes written so far; 0 when no file is open. */
  get sizeBytes(): number {
    return this.#open?.sizeBytes ?? 0;
  }

  get openCount(): number {
    return this.#open === null ? 0 : 1;
  }

  /** Starts a file for this session; `null` while another one is being written. */
  begin(session: string, name: string): number | null {
    if (this.#open !== null) return null;
    this.#lastHandle += 1;
    const content = Buffer.alloc(0);
    const handle = this.#lastHandle;
    this.#open = { handle, session, name, content, sizeBytes: 0, position: 0, overflowed: false };
    this.#heard();
    return handle;
  }

  /** Writes at the file's position. A file that grows too large is lost: it can only be closed. */
  write(session: string, handle: number, data: Buffer): FileStatus {
    const file = this.#find(session, handle);
    if (file === null) return 'BadInvalidArgument';
    const end = file.position + data.length;
    if (file.overflowed || end > this.#limits.maximumBytes) {
      file.overflowed = true;
      file.content = Buffer.alloc(0);
      return 'BadOutOfMemory';
    }
    if (end > file.content.length) file.content = grown(file, end, this.#limits.maximumBytes);
    data.copy(file.content, file.position);
    file.position = end;
    file.sizeBytes = Math.max(file.sizeBytes, end);
    return 'Good';
  }

  position(session: string, handle: number): number | null {
    return this.#find(session, handle)?.position ?? null;
  }

  /** Beyond the end means the end. Source: OPC 10000-20, 4.2.7. */
  seek(session: string, handle: number, position: number): FileStatus {
    const file = this.#find(session, handle);
    if (file === null) return 'BadInvalidArgument';
    file.position = Math.min(position, file.sizeBytes);
    return 'Good';
  }

  /** Abandons the file. */
  close(session: string, handle: number): FileStatus {
    if (this.#find(session, handle) === null) return 'BadInvalidArgument';
    this.#drop();
    return 'Good';
  }

  /** Ends the transaction and hands over the file; a file that overflowed is gone. */
  commit(session: string, handle: number): CompleteFile | FileStatus {
    const file = this.#find(session, handle);
    if (file === null) return 'BadInvalidArgument';
    this.#drop();
    if (file.overflowed) return 'BadOutOfMemory';
    return { name: file.name, bytes: file.content.subarray(0, file.sizeBytes) };
  }

  /** Abandons what this session had open. */
  forget(session: string): void {
    if (this.#open?.session === session) this.#drop();
  }

  #find(session: string, handle: number): OpenFile | null {
    const file = this.#open;
    if (file === null || file.handle !== handle || file.session !== session) return null;
    this.#heard();
    return file;
  }

  #heard(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#limits.silenceMs === Infinity) return;
    this.#timer = setTimeout(() => this.#fellSilent(), this.#limits.silenceMs);
    this.#timer.unref();
  }

  #fellSilent(): void {
    const bytesSoFar = this.sizeBytes;
    this.#drop();
    this.#limits.onSilence?.(bytesSoFar);
  }

  #drop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#open = null;
  }
}

/** Room for `needed` bytes, doubled so that a file of many small writes is copied only a few times. */
function grown(file: OpenFile, needed: number, maximumBytes: number): Buffer {
  const size = Math.min(maximumBytes, Math.max(needed, 2 * file.content.length, 4096));
  const content = Buffer.alloc(size);
  file.content.copy(content);
  return content;
}
