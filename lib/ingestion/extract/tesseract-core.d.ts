/** What is used of Tesseract's C++ interface, as the WebAssembly build hands it out; the package has no types of its own. */
declare module 'tesseract.js-core/tesseract-core-simd-lstm.js' {
  export interface TesseractApi {
    /** @param engine 1: the neural one @returns 0 when it worked */
    Init(dataPath: string, language: string, engine: number): number;
    /** Reads `/input`. @param orientation as in EXIF, 1 for upright @param angle radians @returns 1 when it could not be read */
    SetImageFile(orientation: number, angle: number, upscales: boolean): number;
    Recognize(monitor: null): number;
    /** Rows of level, page, block, paragraph, line, word, left, top, width, height, confidence, text. */
    GetTSVText(pageNumber: number): string;
    End(): void;
  }
  export interface TesseractCore {
    readonly FS: { writeFile(path: string, bytes: Uint8Array): void };
    readonly TessBaseAPI: new () => TesseractApi;
  }
  const createCore: (options?: {
    readonly print?: () => void;
    readonly printErr?: () => void;
  }) => Promise<TesseractCore>;
  export default createCore;
}
