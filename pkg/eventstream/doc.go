// Package eventstream encodes and decodes Server-Sent Events (WHATWG HTML
// Living Standard, section 9.2), bare: without HTTP around them, over any
// stream and in either direction.
//
// A Decoder parses as the standard says (section 9.2.6), with two departures:
//
//   - An event whose type was given is dispatched even if it had no data line.
//     People type "event: stop" and an empty line, and mean it.
//   - Bytes are handed on as they came. The standard puts U+FFFD where they are
//     no UTF-8; that never moves a line end, and is left to whoever reads them.
//
// The fields id and retry are for clients that reconnect by themselves; they
// are ignored, as unknown ones are.
//
// When talking to a browser, or over HTTP, use something else: there is no
// reconnecting here and no last event ID.
package eventstream
