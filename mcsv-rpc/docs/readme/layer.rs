use mcsv_rpc::{Cx, Error, Next, Router};

fn for_those_with_a_token(app: Router) -> Router {
    app.rpc_layer(|cx: Cx, next: Next| async move {
        if !cx.headers().contains_key("authorization") {
            return Err(Error::unauthenticated("send a token"));
        }
        next.run(cx).await
    })
}
