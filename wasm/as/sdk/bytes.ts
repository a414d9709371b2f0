// A text in the making, and a queue: two ways to hold bytes that are to be sent. Each has a bound
// that it is made with, takes its memory then, and refuses what does not fit.

const scratch: usize = memory.data(16, 8);

/** A text that is put together, `text.clear().string("client ").number(3)`, and then sent. */
@final
export class Text {
  /** How many bytes there are. */
  length: u32 = 0;
  private memory: StaticArray<u8>;

  constructor(capacity: i32) {
    this.memory = new StaticArray<u8>(capacity);
  }

  /** Where the bytes are. */
  get start(): usize {
    return changetype<usize>(this.memory);
  }

  get capacity(): u32 {
    return <u32>this.memory.length;
  }

  clear(): Text {
    this.length = 0;
    return this;
  }

  /** Adds bytes; of those that do not fit, only the first ones. */
  bytes(from: usize, length: u32): Text {
    length = min(length, this.capacity - this.length);
    memory.copy(this.start + this.length, from, length);
    this.length += length;
    return this;
  }

  /** Adds a string as UTF-8, or nothing of it if it may not fit. */
  string(text: string): Text {
    if (<u32>text.length * 3 > this.capacity - this.length) return this;
    const at = this.start + this.length;
    this.length += <u32>String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at);
    return this;
  }

  /** Adds a number in decimals. */
  number(value: u32): Text {
    let at = scratch + 16;
    do {
      store<u8>(--at, <u8>(48 + (value % 10)));
      value /= 10;
    } while (value != 0);
    return this.bytes(at, <u32>(scratch + 16 - at));
  }
}

/** First in, first out: what is owed to a peer that reads slowly. */
@final
export class Queue {
  private memory: StaticArray<u8>;
  private head: u32 = 0;
  private tail: u32 = 0;

  constructor(capacity: i32) {
    this.memory = new StaticArray<u8>(capacity);
  }

  get capacity(): u32 {
    return <u32>this.memory.length;
  }

  /** Where the oldest byte is. */
  get start(): usize {
    return this.base + this.head;
  }

  /** How many bytes there are. */
  get length(): u32 {
    return this.tail - this.head;
  }

  /** How many more there may be. */
  get room(): u32 {
    return this.capacity - this.length;
  }

  private get base(): usize {
    return changetype<usize>(this.memory);
  }

  /** Where new bytes may be written by whoever fills it himself; there is `room` for them. */
  reserve(): usize {
    if (this.head > 0) {
      memory.copy(this.base, this.start, this.length);
      this.tail -= this.head;
      this.head = 0;
    }
    return this.base + this.tail;
  }

  /** `length` bytes were written at `reserve()`. */
  commit(length: u32): void {
    this.tail += length;
  }

  /** Adds bytes: all of them, or none and false if there is no room. */
  append(from: usize, length: u32): bool {
    if (length > this.room) return false;
    const at = this.tail + length > this.capacity ? this.reserve() : this.base + this.tail;
    memory.copy(at, from, length);
    this.commit(length);
    return true;
  }

  /** The `length` oldest bytes are gone. */
  drop(length: u32): void {
    this.head += length;
    if (this.head == this.tail) this.clear();
  }

  clear(): void {
    this.head = 0;
    this.tail = 0;
  }
}
