// Package plainjson reads and writes JSON (RFC 8259) of a shape that the caller
// knows, value by value.
//
// Package encoding/json has to learn each type before it uses it for the first time,
// and goes that way even for single tokens. In a supervisor, which does most things
// once, that was a tenth of the CPU time of a container's life, and memory that stays;
// in init, whose first act is to read its configuration, a twentieth of a start. So it
// is for what is rare: errors, traces, and here strings that do not stand for
// themselves.
package plainjson
