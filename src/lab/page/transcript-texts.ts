/** What is wrong with a transcript, in the languages of the page. */
export interface TranscriptTexts {
  readonly empty: string;
  readonly none: string;
  line(number: number, wrong: string): string;
  more(lines: number): string;
  form(line: string): string;
  earlier(time: string): string;
  stillOpen(call: string): string;
  noCall(answer: string): string;
  tooMany(most: number): string;
  tooManyLanes(most: number): string;
}

const english: TranscriptTexts = {
  empty: 'The file is empty: a transcript begins with "# kernel", as `run --trace FILE` writes it.',
  none:
    'This is no transcript: open a file that `pollux run --trace FILE` has written, ' +
    'or `pollux replay TOKEN --trace FILE` with a name that ends neither in .json nor in .pcap.',
  line: (number, wrong) => `Line ${number} ${wrong}`,
  more: (lines) =>
    lines === 1 ? 'Another line was left out too.' : `${lines} other lines were left out too.`,
  form: (line) =>
    `is "${line}", where "-> call(inputs) @seconds" or "<- answer @seconds" was expected.`,
  earlier: (time) => `is of the time ${time}, which is before the line above it.`,
  stillOpen: (call) => `begins a call where the answer of ${call} was expected.`,
  noCall: (answer) => `is the answer "${answer}", but no call was waiting for one.`,
  tooMany: (most) => `is not shown, nor is what follows: the page shows ${most} events at most.`,
  tooManyLanes: (most) => `is of another guest: the page shows ${most} at most.`,
};

const chinese: TranscriptTexts = {
  empty: '檔案是空的：`run --trace FILE` 寫出的紀錄以「# kernel」開頭。',
  none:
    '這不是呼叫紀錄：請開啟由 `pollux run --trace FILE` 寫出的檔案，或由 ' +
    '`pollux replay TOKEN --trace FILE` 寫出、檔名結尾不是 .json 或 .pcap 的檔案。',
  line: (number, wrong) => `第 ${number} 行${wrong}`,
  more: (lines) => `另外還有 ${lines} 行未採用。`,
  form: (line) => `是「${line}」，應為「-> 呼叫(輸入) @秒數」或「<- 結果 @秒數」。`,
  earlier: (time) => `的時間 ${time} 早於上一行。`,
  stillOpen: (call) => `開始了新的呼叫，但 ${call} 尚未有結果。`,
  noCall: (answer) => `是結果「${answer}」，但沒有等待結果的呼叫。`,
  tooMany: (most) => `及之後的內容未顯示：本頁最多顯示 ${most} 個事件。`,
  tooManyLanes: (most) => `屬於另一個客體程式：本頁最多顯示 ${most} 個。`,
};

export const transcriptTexts = { en: english, 'zh-TW': chinese } as const;
