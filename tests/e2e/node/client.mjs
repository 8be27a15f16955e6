// What the official JavaScript client makes of the gateway, as one JSON object on standard output.
// Arguments: base URL, gateway key, a text that nobody has asked yet.
import OpenAI from "openai";

const [baseURL, key, text] = process.argv.slice(2);
const model = "sim-model";
// The provider's key as the bearer and the gateway's beside it, as the contract shows it.
const client = new OpenAI({ baseURL, apiKey: "sk-provider-key", defaultHeaders: { "X-API-Key": key }, maxRetries: 0 });
const ask = (content, more = {}) => ({ model, messages: [{ role: "user", content }], ...more });

async function streamed(content) {
  let said = "";
  let usage = null;
  const stream = await client.chat.completions.create(ask(content, { stream: true, stream_options: { include_usage: true } }));
  for await (const chunk of stream) {
    said += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  return { said, usage };
}

async function failure(action) {
  try {
    await action();
    return null;
  } catch (error) {
    return { kind: error.constructor.name, status: error.status ?? null, code: error.code ?? null, param: error.param ?? null };
  }
}

const first = await client.chat.completions.create(ask(text)).withResponse();
const again = await client.chat.completions.create(ask(text)).withResponse();
const told = (answer) => ({
  id: answer.data.id,
  content: answer.data.choices[0].message.content,
  usage: answer.data.usage,
  cache: answer.response.headers.get("x-leo-cache"),
  requestId: answer.request_id,
  hit: answer.data.optimization_metrics.cache_hit,
});
const stranger = new OpenAI({ baseURL, apiKey: "sk-nonsense", maxRetries: 0 });
const tools = [{ type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } }];
const called = await client.chat.completions.create(ask(text, { tools, tool_choice: "required" }));
const embedded = await client.embeddings.create({ model, input: [text, "b"], dimensions: 8 });
const models = await client.models.list();

console.log(
  JSON.stringify({
    first: told(first),
    again: told(again),
    streamedHit: await streamed(text),
    streamedMiss: await streamed(`${text}, streamed first`),
    wholeAfterStream: told(await client.chat.completions.create(ask(`${text}, streamed first`)).withResponse()),
    tool: called.choices[0].message.tool_calls[0].function.name,
    vectors: embedded.data.map((item) => item.embedding.length),
    models: models.data.map((each) => each.id),
    errors: {
      badRequest: await failure(() => client.chat.completions.create(ask(text, { temperature: "hot" }))),
      wrongKey: await failure(() => stranger.chat.completions.create(ask(text))),
      unknownModel: await failure(() => client.models.retrieve("unknown")),
      rateLimit: await failure(() => client.chat.completions.create(ask(`${text} [[sim: status=429]]`))),
      upstreamDown: await failure(() => client.chat.completions.create(ask(`${text} [[sim: status=503]]`))),
      brokenStream: await failure(() => streamed(`${text} [[sim: tokens=50 token_ms=20 drop_after=5]]`)),
    },
  }),
);
